import type { Command } from 'commander';
import { everywhere, type OutputOptions } from './io/format.ts';

export interface CommonOptions extends OutputOptions {
  readonly config?: string;
  /** Relays to use, or `direct`. */
  readonly via?: readonly string[];
}

/** The common options of an operator's commands. */
export function addCommonOptions(command: Command): Command {
  return command
    .optionsGroup(everywhere)
    .option('--config <file>', "the operator's configuration (default: client.yaml in the XDG configuration directory)")
    .option(
      '--via <relay>',
      'reach the nodes through this relay, NAME or NAME=ADDRESS (repeatable), or “direct” for none',
      (relay: string, before: string[] = []) => [...before, relay],
    )
    .option('-j, --json', 'print JSON for machines')
    .optionsGroup('');
}

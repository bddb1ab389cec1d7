import type { Command } from 'commander';

export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** What every command of an operator takes. */
export function addCommonOptions(command: Command): Command {
  return command
    .option('--config <file>', "the operator's configuration (default: client.yaml where XDG has it)")
    .option('-j, --json', 'print JSON for machines');
}

import { PassThrough } from 'node:stream';
import { agents } from '../../../src/agents/index.ts';
import { runCli } from '../../../src/client/cli/cli.ts';
import { namesOf } from '../../../src/core/ddl/ddl.ts';
import { commands } from '../../../src/client/commands/index.ts';
import { nodeParts } from '../../../src/command-line.ts';
import type { ProcessContext } from '../../../src/client/cli/context.ts';
import type { Cli } from '../../../src/client/cli/program.ts';

const catalogue = agents.map(({ ddl }) => ddl);

export interface CliRun {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/**
 * Runs one command line of an operator in this process.
 * @param home where its configuration, cache and state are
 * @param more what it is to have of its context instead
 * @param cli its commands; left out: those that need no part of a daemon
 */
export async function runInProcess(
  words: readonly string[],
  home: string,
  more: Partial<ProcessContext> = {},
  cli: Cli = { version: '0.1.0', commands: commands(catalogue, nodeParts), agents: namesOf(catalogue) },
): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  let code = -1;
  const context: ProcessContext = {
    env: { HOME: home },
    stdin: new PassThrough().end() as unknown as NodeJS.ReadStream,
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    status: () => {},
    isTerminal: false,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    exit: (given) => {
      code = given;
    },
    ...more,
  };
  await runCli(words, cli, context);
  return { code, out, err };
}

import type { CliContext } from '../../../src/client/cli/context.ts';

/** A context for a command that is run in this process: what it prints is kept, and no signal reaches it. */
export function quietContext(env: Readonly<NodeJS.ProcessEnv> = {}): {
  readonly context: CliContext;
  readonly out: string[];
  readonly err: string[];
} {
  const out: string[] = [];
  const err: string[] = [];
  const context: CliContext = {
    env,
    stdin: process.stdin,
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    last: (line) => void err.push(line),
    isTerminal: false,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    exit: () => {},
  };
  return { context, out, err };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Ended {
  /** -1 when a signal ended it. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, with nothing on its standard input. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** Milliseconds until it is ended; a minute when left out. */
    readonly timeout?: number;
  } = {},
): Promise<Ended> {
  const child = spawn(file, args, { timeout: 60_000, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], out, err] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code: code ?? -1, out, err };
}

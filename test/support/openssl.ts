import { runProgram } from './program/run-program.ts';

/** Runs the real openssl; `ok` is whether it ended with 0. */
export async function openssl(args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const { code, out, err } = await runProgram('openssl', args);
  return { ok: code === 0, output: out + err };
}

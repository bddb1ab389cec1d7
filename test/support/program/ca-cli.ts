import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, runProgram } from './run-program.ts';

const program = join(import.meta.dirname, 'ca-program.ts');

/** A temporary directory with a CA of its own in it, and the commands run there as processes. */
export interface CaCli extends AsyncDisposable {
  readonly dir: string;
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ended>;
  /** Argv that runs the program, for those who start it by themselves. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export async function makeCaCli(): Promise<CaCli> {
  const dir = await mkdtemp(join(tmpdir(), 'mco-ca-cli-'));
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', program];
  const compiled = process.env.NODE_COMPILE_CACHE;
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: dir,
    XDG_DATA_HOME: join(dir, 'data'),
    ...(compiled !== undefined && { NODE_COMPILE_CACHE: compiled }),
  };
  return {
    dir,
    argv,
    env,
    run: (args, more = {}) => {
      const [file = '', ...rest] = argv;
      return runProgram(file, [...rest, ...args], { cwd: dir, env: { ...env, ...more } });
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

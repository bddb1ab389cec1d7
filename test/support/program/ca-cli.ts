import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quietContext } from './quiet-context.ts';
import { runCaCommand } from './run-ca-command.ts';
import { type Ended, runProgram } from './run-program.ts';

const program = join(import.meta.dirname, 'ca-program.ts');

/** A temporary directory with a CA of its own in it, and commands that run there. */
export interface CaCli extends AsyncDisposable {
  readonly dir: string;
  /** Runs one in this process, which is in that directory meanwhile: one at a time. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ended>;
  /** Runs one as its own process. */
  readonly start: (args: readonly string[]) => Promise<Ended>;
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
    run: async (args, more = {}) => {
      const { context, out, err } = quietContext({ ...env, ...more });
      let code = -1;
      const exit = (given: number) => {
        code = given;
      };
      const before = process.cwd();
      process.chdir(dir);
      try {
        await runCaCommand(args, { ...context, exit });
      } finally {
        process.chdir(before);
      }
      const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
      return { code, out: text(out), err: text(err) };
    },
    start: (args) => {
      const [file = '', ...rest] = argv;
      return runProgram(file, [...rest, ...args], { cwd: dir, env });
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

import type { ProblemCode } from '../../../core/problems/index.ts';
import { Problem } from '../../../core/errors.ts';
import type { CommandResult, RunCommand } from '../../../core/ports.ts';
import type { Argv } from '../config.ts';
import type { Work } from '../release/releases.ts';
import { firstLine } from '../first-line.ts';

/** The path for programs of the system. */
export const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The number of a command's output lines that are passed to the caller while it runs. */
const mostLines = 50;

/** The environment of a configured command: the upgrade that it is part of. */
export interface DeployCommandOptions {
  readonly what: string;
  readonly code: ProblemCode;
  readonly argv: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  readonly cwd: string;
  readonly application: string;
  readonly revision: string;
  readonly previous: string;
  /** Why a release was left, for commands that run after that. */
  readonly reason?: string;
}

/** Runs a reload, a hook or a deploy command. @throws Problem with the given code, and the command's last line */
export async function runDeployCommand(
  run: RunCommand,
  options: DeployCommandOptions,
  { signal, progress }: Pick<Work, 'signal' | 'progress'>,
): Promise<void> {
  const result = await run([...options.argv] as Argv, {
    timeout: options.timeout * 1000,
    signal,
    cwd: options.cwd,
    limit: 16 * 1024,
    env: environmentOf(options),
    onOutput: passOn(options.what, progress),
  });
  if (result.code === 0) return;
  throw new Problem(
    options.code,
    `${options.what} (${options.argv.join(' ').slice(0, 200)}) ${reasonOf(result, options)}`,
  );
}

export function environmentOf(options: Pick<DeployCommandOptions, 'application' | 'revision' | 'previous' | 'reason'>) {
  return {
    PATH: path,
    MCO_APPLICATION: options.application,
    MCO_REVISION: options.revision,
    MCO_PREVIOUS: options.previous,
    ...(options.reason === undefined ? {} : { MCO_REASON: options.reason }),
  };
}

/** Lines as they arrive, cleaned for a terminal, up to a readable number. */
function passOn(what: string, progress: (message: string) => void): (line: string) => void {
  let passed = 0;
  return (line) => {
    const shown = firstLine(line);
    if (shown === '' || passed > mostLines) return;
    passed += 1;
    progress(passed > mostLines ? `${what} prints more than ${mostLines} lines: the rest is not shown` : `| ${shown}`);
  };
}

/** How it ended, in words. */
export function reasonOf(result: CommandResult, { timeout }: { readonly timeout: number }): string {
  const line = firstLine(result.stderr) || firstLine(result.stdout);
  const suffix = line === '' ? '' : `: “${line}”`;
  switch (result.ended) {
    case 'not-found':
      return 'failed: the program does not exist';
    case 'no-interpreter':
      return 'failed: what its first line names does not exist (a line of Windows ends in a CR, too)';
    case 'not-permitted':
      return 'failed: the program cannot be run';
    case 'no-resources':
      return 'failed: the program cannot be run, because too many files are open, or too many processes';
    case 'timeout':
      return `did not end within ${timeout} s${suffix}`;
    case 'cancelled':
      return 'was cancelled';
    default:
      return result.signal === null
        ? `failed with exit code ${result.code}${suffix}`
        : `was ended by ${result.signal}${suffix}`;
  }
}

import { CommanderError } from 'commander';
import { errnoOf, explain, Problem } from '../../../core/errors.ts';
import { fileProblem } from '../../../core/files/file-problem.ts';
import { type CliContext, exitCode } from '../context.ts';
import { exitForProblem } from './problem-exit-codes.ts';

/** How a command ended that was interrupted or failed. */
export interface Ending {
  readonly code: number;
  /** Undefined on success, as after --help. */
  readonly problem?: { readonly code: string; readonly message: string; readonly hint: string };
  /** For people; undefined if commander has printed it. */
  readonly line?: string;
}

export function endingOf(thrown: unknown, context: CliContext): Ending {
  const error = fileProblem(thrown) ?? thrown;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { code: exitCode.ok };
    return { code: exitCode.usage, problem: { code: 'usage', message: error.message, hint: '' } };
  }
  if (context.kill.aborted || (context.signal.aborted && (isAbort(error) || thrown === context.signal.reason))) {
    const problem = { code: 'interrupted', message: 'interrupted', hint: '' };
    return { code: exitCode.interrupted, problem, line: 'mco-deploy: interrupted' };
  }
  if (error instanceof Problem && error.code !== 'internal') {
    const { code, message, hint } = error;
    return {
      code: codeOf(error),
      problem: { code, message, hint },
      line: `mco-deploy: ${explain(error)}`,
    };
  }
  const [what = ''] = String(error).split('\n');
  const hint = 'please report it (MCO_DEPLOY_DEBUG=1 shows more)';
  return {
    code: exitCode.internal,
    problem: { code: 'internal', message: what, hint },
    line: `mco-deploy: internal error: ${what}: ${hint}`,
  };
}

/** Why it could not read a file that is there. */
const ofDisk = new Set(['EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOSPC', 'EROFS']);
/** Why no file can be written at a path that the command line names. */
const ofPath = new Set(['EISDIR', 'ENOENT', 'ENOTDIR']);

function codeOf({ code, cause }: Problem): number {
  const errno = errnoOf(cause);
  if (code === 'unwritable-file' && ofPath.has(errno)) return exitCode.usage;
  return ofDisk.has(errno) ? exitCode.hostFailed : exitForProblem(code);
}

function isAbort(error: unknown): boolean {
  return (
    (error instanceof Error && error.name === 'AbortError') || (error instanceof Problem && error.code === 'cancelled')
  );
}

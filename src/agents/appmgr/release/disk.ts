import { errnoOf, explainErrno, Problem } from '../../../core/errors.ts';

/** What a file system says, as a Problem. */
export function explainDisk(error: unknown, root: string): unknown {
  const code = errnoOf(error);
  if (error instanceof Problem || !/^E[A-Z0-9]+$/.test(code)) return error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new Problem(
    full ? 'no-space' : 'disk-error',
    `the release cannot be written below ${root}: ${explainErrno(error)}`,
    full ? 'free some space, or keep fewer releases' : '',
    { cause: error },
  );
}

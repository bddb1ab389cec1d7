import { statfs } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../../../core/errors.ts';

/** An error of a file system as a Problem. */
export async function explainDisk(error: unknown, root: string): Promise<unknown> {
  const code = errnoOf(error);
  if (error instanceof Problem || !/^E[A-Z0-9]+$/.test(code)) return error;
  const full = isFull(error);
  if (code === 'ENOSPC' && (await hasNoInodes(root))) return noInodes(root, error);
  return new Problem(
    full ? 'no-space' : 'disk-error',
    `the release cannot be written below ${root}: ${explainErrno(error)}`,
    full ? 'free some space, or keep fewer releases' : '',
    { cause: error },
  );
}

export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(error));
}

/**
 * Blocks may be free while no file can be made: each needs an inode. File systems without a fixed number of them report
 * 0 of 0.
 */
async function hasNoInodes(directory: string): Promise<boolean> {
  const disk = await statfs(directory).catch(() => undefined);
  return disk !== undefined && disk.files > 0 && disk.ffree === 0;
}

function noInodes(root: string, cause: unknown): Problem {
  return new Problem(
    'no-space',
    `the release cannot be written below ${root}: the file system has no inode left, whatever space is free`,
    'remove files that nobody needs (“df -i” counts them), or keep fewer releases',
    { cause },
  );
}

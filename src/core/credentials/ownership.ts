import { constants } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../errors.ts';

/**
 * Makes sure that only root and the daemon's own user could have written a file that the daemon trusts.
 * @throws Problem `bad-permissions`, `unreadable-file` when that cannot be checked
 */
export async function requireOwn(path: string, kind: 'directory' | 'file' | 'program'): Promise<void> {
  const found = await lstat(path).catch((cause: unknown) => {
    const code = errnoOf(cause) === 'ENOENT' ? 'bad-permissions' : 'unreadable-file';
    throw new Problem(code, `${path}: ${explainErrno(cause)}`, '', { cause });
  });
  const refuse = (why: string, hint: string): never => {
    throw new Problem('bad-permissions', `${path} ${why}`, hint);
  };
  if (kind === 'directory' ? !found.isDirectory() : !found.isFile()) {
    refuse(`is not a ${kind === 'directory' ? 'directory' : 'regular file'}`, 'links are not followed here');
  }
  if (found.uid !== 0 && found.uid !== process.getuid?.()) {
    refuse(`belongs to user ${found.uid}`, 'it must belong to root or to the user that the daemon runs as');
  }
  const others = constants.S_IWGRP | constants.S_IWOTH;
  if ((found.mode & others) !== 0) refuse('can be written by other users', `chmod go-w ${path}`);
  if (kind === 'program' && (found.mode & constants.S_IXUSR) === 0) refuse('is not executable', `chmod u+x ${path}`);
}

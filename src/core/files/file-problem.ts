import { errnoOf, explainErrno, Problem } from '../errors.ts';

/** What a person can do about it, by errno. */
const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space there',
  EDQUOT: 'free some space there, or raise the quota',
  EROFS: 'mount the file system for writing, or configure another directory',
  EACCES: 'run this as the user who owns it, or change its permissions',
  EPERM: 'run this as the user who owns it, or change its permissions',
  EMFILE: 'raise the limit of open files (“ulimit -n”, LimitNOFILE= in the unit)',
  ENFILE: 'raise the limit of open files of the system (sysctl fs.file-max)',
  EIO: 'check the disk (“dmesg” shows its errors)',
};

const reading = new Set([
  'read',
  'stat',
  'lstat',
  'fstat',
  'scandir',
  'opendir',
  'readlink',
  'access',
  'realpath',
  'statfs',
]);
const writing = new Set([
  'write',
  'mkdir',
  'mkdtemp',
  'rename',
  'link',
  'symlink',
  'unlink',
  'rm',
  'rmdir',
  'chmod',
  'fchmod',
  'chown',
  'fchown',
  'ftruncate',
  'fsync',
  'fdatasync',
  'copyfile',
  'utime',
  'futime',
  'close',
]);
/** Errors that only occur on writing, where the call does not name the operation. */
const onlyWriting = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/**
 * The message for an error of the file system; undefined for any other error. A command or a node shows it for an error
 * that no part of the program has explained: a full or read-only disk is not a fault of the program.
 */
export function fileProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || error instanceof Problem) return undefined;
  const { syscall = '', path } = error as NodeJS.ErrnoException;
  const errno = errnoOf(error);
  if (!/^E[A-Z0-9]+$/.test(errno)) return undefined;
  if (syscall !== 'open' && !reading.has(syscall) && !writing.has(syscall)) return undefined;
  const isWriting = writing.has(syscall) || onlyWriting.has(errno);
  const what = path === undefined || path === '' ? 'a file' : path;
  const code = isWriting ? 'unwritable-file' : 'unreadable-file';
  const verb = isWriting ? 'written' : syscall === 'open' ? 'opened' : 'read';
  return new Problem(code, `${what} cannot be ${verb}: ${explainErrno(error)}`, hints[errno] ?? '', { cause: error });
}

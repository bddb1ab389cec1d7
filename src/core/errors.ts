import type { ProblemCode } from './problems/index.ts';

/**
 * What went wrong, for a person and for a program: the one error type at every border. `code` is stable and short
 * (`policy-denied`), and explained in `problems/`; `message` says what happened and where; `hint` is the next step.
 */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly hint: string;

  constructor(code: ProblemCode, message: string, hint = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'Problem';
    this.code = code;
    this.hint = hint;
  }
}

/** A node's reply before it reads a request, about its caller's certificate or rate: nothing was done. */
export class TurnedAway extends Problem {}

/** For a person: the message, then the hint. A message that shows an excerpt below its first line keeps that below. */
export function explain(error: unknown): string {
  if (error instanceof Problem) {
    const [first, ...below] = error.message.split('\n');
    return [error.hint === '' ? first : `${first}: ${error.hint}`, ...below].join('\n');
  }
  if (isSystemError(error)) return explainSystemError(error);
  return certificateWords[errnoOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && /^E[A-Z0-9]+$/.test(errnoOf(error));
}

function explainSystemError(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? explainErrno(error) : `${error.path}: ${explainErrno(error)}`;
}

/** The errno code of a system error (`ENOENT`), or an empty string. */
export function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

/** What Node.js finds wrong with the certificate of a server; its own text proposes options of Node.js. */
const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed, and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'no CA that is trusted here has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'no CA that is trusted here has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'no CA that is trusted here has signed its certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'no CA that is trusted here has signed its certificate',
};

/** Why a file or a connection could not be used, in words instead of a code. */
export function explainErrno(error: unknown): string {
  const words: Record<string, string> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    ENOSPC: 'no space left on the device',
    EROFS: 'the file system is read-only',
    EEXIST: 'it exists already',
    EDQUOT: 'the disk quota is used up',
    EMFILE: 'this process has too many files open',
    ENFILE: 'this machine has too many files open',
    EIO: 'the disk reported an input/output error',
    EBADF: 'it is not open for this',
    EBUSY: 'it is in use',
    EFBIG: 'it would be too large',
    ENXIO: 'it is a socket, or a device that is not there',
    ELOOP: 'there are too many symbolic links in the path',
    ENAMETOOLONG: 'the name is too long',
    ENOTEMPTY: 'the directory is not empty',
    ESTALE: 'the network file system does not have it any more',
    EXDEV: 'it is on another file system',
    EADDRINUSE: 'the address is already in use',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'the connection was reset',
    ETIMEDOUT: 'timed out',
    ENOTFOUND: 'no name server knows that name',
    EAI_AGAIN: 'no name server answers',
    EHOSTUNREACH: 'no route to the host',
    ENETUNREACH: 'no route to the network',
    ...certificateWords,
  };
  return words[errnoOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

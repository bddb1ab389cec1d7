import type { ProblemCode } from './problems/index.ts';

/**
 * What went wrong, for a person and for a program: the one error type at every border.
 * `code` is stable and short (`policy-denied`), and explained in `problems/`; `message` says what happened and where;
 * `hint` says what to do about it.
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

/** What a node says before it looks at a request, of its caller's certificate or pace: nothing was done. */
export class TurnedAway extends Problem {}

/** For a person: the message, then what to do; a message that shows a place below its first line keeps that below. */
export function explain(error: unknown): string {
  if (error instanceof Problem) {
    const [first, ...below] = error.message.split('\n');
    return [error.hint === '' ? first : `${first}: ${error.hint}`, ...below].join('\n');
  }
  return error instanceof Error ? error.message : String(error);
}

/** The errno code of a system error (`ENOENT`), or an empty string. */
export function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

/** Why a file could not be used, in words instead of an errno. */
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
    EADDRINUSE: 'the address is already in use',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'the connection was reset',
    ETIMEDOUT: 'timed out',
    EHOSTUNREACH: 'no route to the host',
    ENETUNREACH: 'no route to the network',
  };
  return words[errnoOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

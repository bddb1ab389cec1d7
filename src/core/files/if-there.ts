import { readdir, readFile } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../errors.ts';

/** The result of a call of the file system; undefined when the file does not exist. @throws as the call does, else */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names in a directory; none when it does not exist. @throws Problem `unreadable-file` when it cannot be read */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await ifThere(readdir(directory))) ?? [];
  } catch (cause) {
    throw new Problem('unreadable-file', `${directory} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

/**
 * The text of a file; undefined when it does not exist. @throws Problem `unreadable-file` when it exists and cannot be
 * read
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await ifThere(readFile(path, 'utf8'));
  } catch (cause) {
    throw new Problem('unreadable-file', `${path} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

import { readFile } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../errors.ts';

/** What comes of a call of the file system; undefined when the file is not there. @throws as the call does, else */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The text of a file; undefined when it is not there. @throws Problem `unreadable-file` when it is there and can't be read */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await ifThere(readFile(path, 'utf8'));
  } catch (cause) {
    throw new Problem('unreadable-file', `${path} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

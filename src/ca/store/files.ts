import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { makeDirectories, replaceFile, syncDirectory } from '../../core/files/durable.ts';

/** A file that either exists whole, with its mode, or not at all. */
export interface FileToWrite {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits, independent of the umask. */
  readonly mode: number;
  /** False: an existing file is left alone and the write fails. */
  readonly replace: boolean;
}

/** @throws Problem `file-exists`, `unwritable-file` */
export async function writeWhole({ path, content, ...options }: FileToWrite): Promise<void> {
  try {
    await replaceFile(path, content, { ...options, shared: true });
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') {
      throw new Problem('file-exists', `${path} exists already`, 'move it away first', { cause });
    }
    throw new Problem('unwritable-file', `${path} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}

/** Gives a file another name in the same directory. @throws Problem `unwritable-file` */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    await syncDirectory(dirname(to));
  } catch (cause) {
    throw new Problem('unwritable-file', `${to} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}

/** Removes a file, if it exists. @throws Problem `unwritable-file` */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw new Problem('unwritable-file', `${path} cannot be removed: ${explainErrno(cause)}`, '', { cause });
  }
}

/** @throws Problem `unwritable-file` */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await makeDirectories(path, mode);
  } catch (cause) {
    throw new Problem('unwritable-file', `the directory ${path} cannot be made: ${explainErrno(cause)}`, '', { cause });
  }
}

import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../core/errors.ts';

/** A file that is either there whole, with its mode, or not at all. */
export interface FileToWrite {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits; the umask has no say in them. */
  readonly mode: number;
  /** False: a file that is there already is left alone and the write fails. */
  readonly replace: boolean;
}

/** @throws Problem `file-exists`, `unwritable-file` */
export async function writeWhole({ path, content, mode, replace }: FileToWrite): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeDraft(draft, content, mode);
    // A link fails where a name is taken; a rename would replace it.
    await (replace ? rename(draft, path) : link(draft, path));
    await syncDirectory(dirname(path));
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') {
      throw new Problem('file-exists', `${path} exists already`, 'move it away, or replace it with --force', { cause });
    }
    throw new Problem('unwritable-file', `${path} cannot be written: ${explainErrno(cause)}`, '', { cause });
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDraft(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A new name is on the disk only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

import {
  closeSync,
  existsSync,
  fchmodSync,
  fsync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.ts';
import { draftOf, removeAbandonedDrafts } from './draft.ts';
import { makeDirectories } from './durable.ts';

const synced = promisify(fsync);

/** The text of a file in UTF-8; undefined if there is none. @throws as readFileSync */
export function readAtOnce(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The text of a small file in UTF-8: a file of the disk is read at once, without waiting for the turn of another
 * thread; anything else, such as a pipe, is waited for there. @throws as readFile
 */
export async function readPromptly(file: string): Promise<string> {
  return statSync(file).isFile() ? readFileSync(file, 'utf8') : await readFile(file, 'utf8');
}

/**
 * Writes a small file of a command that is about to end, as `replaceFile` does with `shared`: a reader, a crash or a
 * power cut finds the old content or the new, never a part. Each step is taken at once, not by another thread: that
 * takes microseconds, and a command need not wait a dozen times for its turn. Only the disk is waited for.
 * @param sync false: not synced to the disk, for data that can be recreated
 */
export async function replaceAtOnce(file: string, content: string, { sync = true } = {}): Promise<void> {
  const directory = dirname(file);
  if (!existsSync(directory)) await makeDirectories(directory, 0o700, { sync });
  removeAbandonedDrafts(directory);
  const draft = draftOf(file);
  try {
    await writeDraft(draft, content, sync);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  if (sync) await withOpen(directory, 'r', synced);
}

async function writeDraft(draft: string, content: string, sync: boolean): Promise<void> {
  await withOpen(draft, 'wx', async (descriptor) => {
    writeFileSync(descriptor, content);
    // Under any umask.
    fchmodSync(descriptor, 0o600);
    if (sync) await synced(descriptor);
  });
}

async function withOpen(path: string, flags: string, work: (descriptor: number) => Promise<void>): Promise<void> {
  const descriptor = openSync(path, flags, 0o600);
  try {
    await work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

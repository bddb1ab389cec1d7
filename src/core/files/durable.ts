import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';
import { draftOf, removeAbandonedDrafts } from './draft.ts';

/** Makes the names in a directory outlive a power cut: fsync(2) of a file does not cover the entry that names it. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface DirectoryOptions {
  /** False: not synced to the disk, for directories that can be recreated. */
  readonly sync?: boolean;
}

/**
 * Creates a directory and its missing parents, so that they outlive a power cut. Node.js has the option `recursive` for
 * this, which reports ENOENT on a read-only disk, and never ends in /proc.
 */
export async function makeDirectories(
  path: string,
  mode: number,
  { sync = true }: DirectoryOptions = {},
): Promise<void> {
  const made = await createMissing(resolve(path), mode);
  if (sync) for (const directory of made) await syncDirectory(dirname(directory));
}

/** @returns those that it created, the innermost first */
async function createMissing(path: string, mode: number): Promise<string[]> {
  try {
    return (await createOne(path, mode)) ? [path] : [];
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || parent === path) throw error;
    const above = await createMissing(parent, mode);
    return (await createOne(path, mode)) ? [path, ...above] : above;
  }
}

/** @returns false if it is there */
async function createOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw error;
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return false;
    throw error;
  }
}

export interface ReplaceOptions {
  /** Permission bits, under any umask; 0600 by default. */
  readonly mode?: number;
  /** Several processes may write it at once: each writes its own draft, and the last one stays. */
  readonly shared?: boolean;
  /** False: an existing file is left alone, and the write fails with EEXIST. */
  readonly replace?: boolean;
  /** False: not synced to the disk, for data that can be recreated. */
  readonly sync?: boolean;
}

/** Writes a whole file: a reader, a crash or a power cut finds the old content or the new, never a part. */
export async function replaceFile(
  file: string,
  content: string | Uint8Array,
  { mode = 0o600, shared = false, replace = true, sync = true }: ReplaceOptions = {},
): Promise<void> {
  if (shared) removeAbandonedDrafts(dirname(file));
  const draft = shared ? draftOf(file) : `${file}.new`;
  try {
    await writeDraft(await open(draft, shared ? 'wx' : 'w', 0o600), content, mode, sync);
    // A link fails where a name is taken; a rename would replace it.
    await (replace ? rename(draft, file) : link(draft, file));
    if (!replace) await rm(draft, { force: true });
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
  if (sync) await syncDirectory(dirname(file));
}

async function writeDraft(
  handle: FileHandle,
  content: string | Uint8Array,
  mode: number,
  sync: boolean,
): Promise<void> {
  try {
    await handle.writeFile(content);
    await handle.chmod(mode);
    if (sync) await handle.sync();
  } finally {
    await handle.close();
  }
}

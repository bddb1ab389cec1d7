import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
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

/** Creates a directory and its missing parents, so that they outlive a power cut. */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = resolve(path); made.startsWith(resolve(first)); made = dirname(made)) {
    await syncDirectory(dirname(made));
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
  if (shared) await removeAbandonedDrafts(dirname(file));
  const draft = shared ? await draftOf(file) : `${file}.new`;
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

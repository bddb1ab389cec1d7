import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Makes the names in a directory outlive a power cut: fsync(2) of a file does not cover the entry that names it. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a directory and those above it that are missing, so that they outlive a power cut. */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = resolve(path); made.startsWith(resolve(first)); made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Replaces a file as a whole: a reader, or a crash, sees the old content or the new, never a part. */
export async function replaceFile(file: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const fresh = `${file}.new`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(fresh, 'w', mode);
    await handle.writeFile(content);
    await handle.sync();
    await handle.close();
    await rename(fresh, file);
  } catch (error) {
    await handle?.close();
    await rm(fresh, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}

import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../../../core/files/durable.ts';
import { publishedDirectory } from '../../../core/publish/layout.ts';
import { ifThere } from '../../../core/files/if-there.ts';

/** Where things are: whole artifacts by their SHA-256, those that are being received, and those of applications. */
export interface Store {
  readonly blob: (sha256: string) => string;
  readonly manifest: (sha256: string) => string;
  readonly partial: (key: string) => string;
  readonly application: (name: string) => string;
  readonly applications: string;
  readonly blobs: string;
  readonly partials: string;
}

/** @param state the agent's own directory, below that of the daemon */
export async function openStore(state: string): Promise<Store> {
  const [blobs, partials] = [join(state, 'blobs'), join(state, 'partial')];
  const applications = join(state, 'applications');
  for (const directory of [blobs, partials, applications]) await makeDirectories(directory, 0o700);
  return {
    blobs,
    partials,
    applications,
    blob: (sha256) => join(blobs, sha256),
    manifest: (sha256) => join(blobs, `${sha256}.manifest`),
    partial: (key) => join(partials, key),
    application: (name) => publishedDirectory(join(state, '..'), name),
  };
}

/** Bytes of a file; undefined when it is not there. */
export async function sizeOf(file: string): Promise<number | undefined> {
  return (await statIfThere(file))?.size;
}

/** Other calls come and go between two looks at a directory. */
export async function statIfThere(file: string): Promise<Stats | undefined> {
  return await ifThere(stat(file));
}

/** Bytes of all whole artifacts, and of those that are being received as large as they will be. */
export async function usedBytes({ blobs, partials }: Store): Promise<number> {
  const files = [blobs, partials].map(async (directory) => {
    const names = (await readdir(directory)).filter((name) => !name.includes('.manifest'));
    return await Promise.all(names.map(async (name) => (await sizeOf(join(directory, name))) ?? 0));
  });
  return (await Promise.all(files)).flat().reduce((sum, size) => sum + size, 0);
}

export async function freeBytes({ blobs }: Store): Promise<number> {
  const disk = await statfs(blobs);
  return disk.bavail * disk.bsize;
}

/** The file, open for reading; undefined when it is not there. */
export async function openIfThere(file: string): Promise<FileHandle | undefined> {
  return await ifThere(open(file, 'r'));
}

/** Removes a whole artifact that nothing names any more, or that is corrupted. */
export async function removeBlob(store: Store, sha256: string): Promise<void> {
  await rm(store.blob(sha256), { force: true });
  await rm(store.manifest(sha256), { force: true });
}

import { copyFile, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile, syncDirectory } from '../../core/files/durable.ts';
import { takesEffect } from '../../core/node-files/kinds.ts';
import { readRegular, sumOf } from '../../core/node-files/list.ts';
import { formatManifest, manifestName, parseManifest } from '../../core/node-files/manifest.ts';
import { helperDirectory, type Pending, pendingFile, readPending } from '../../core/node-files/pending.ts';
import type { NewFile } from './change.ts';
import { requireSafePath } from './tree.ts';

export type Effect = Pending['effect'];

/** What the daemon must do for the whole change. */
export function effectOf(files: readonly NewFile[]): Effect {
  const effects = new Set(files.map(({ kind }) => takesEffect[kind]));
  return effects.has('restart') ? 'restart' : effects.has('reload') ? 'reload' : 'at-once';
}

/**
 * Replaces files, after it has stored the old ones. A kill or a power cut at any moment leaves a record by which {@link
 * revertChange} restores all of it.
 * @throws Problem `bad-permissions`
 */
export async function switchFiles(
  directory: string,
  files: readonly NewFile[],
  details: Omit<Pending, 'state' | 'files'>,
): Promise<Pending> {
  for (const { place } of files) await requireSafePath(directory, place);
  const manifest = await nextManifest(directory, files);
  const all = [...files, { place: manifestName, content: manifest }];
  const changed = await keepBefore(
    directory,
    all.map(({ place }) => place),
  );
  const pending: Pending = { ...details, state: 'switching', files: changed };
  await writePending(directory, pending);
  for (const { place, content } of all) await put(join(directory, place), content);
  const waiting: Pending = { ...pending, state: 'waiting' };
  await writePending(directory, waiting);
  return waiting;
}

/** Restores the files that a change replaced, and forgets the change. After a kill it can be repeated. */
export async function revertChange(directory: string, { change, files }: Pending, why: string): Promise<void> {
  for (const [index, { place, existed }] of files.entries()) {
    const kept = existed ? await readRegular(join(beforeDirectory(directory), String(index))) : undefined;
    await put(join(directory, place), kept);
  }
  const returned = { change, at: new Date().toISOString(), why };
  await replaceFile(join(directory, helperDirectory, 'returned.json'), JSON.stringify(returned), { mode: 0o644 });
  await forget(directory);
}

/** Makes a change the last good version. @returns whether there was one to confirm */
export async function settle(directory: string, change: string): Promise<boolean> {
  const pending = await readPending(directory);
  if (pending?.change !== change || pending.state !== 'waiting') return false;
  await forget(directory);
  return true;
}

async function forget(directory: string): Promise<void> {
  await rm(pendingFile(directory), { force: true });
  await syncDirectory(join(directory, helperDirectory));
  await rm(beforeDirectory(directory), { recursive: true, force: true });
}

function beforeDirectory(directory: string): string {
  return join(directory, helperDirectory, 'before');
}

async function writePending(directory: string, pending: Pending): Promise<void> {
  await replaceFile(pendingFile(directory), JSON.stringify(pending), { mode: 0o644 });
}

/** The copies are on the disk before anything is replaced. */
async function keepBefore(directory: string, paths: readonly string[]): Promise<Pending['files']> {
  const own = beforeDirectory(directory);
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { mode: 0o700 });
  const files: Pending['files'][number][] = [];
  for (const [index, place] of paths.entries()) {
    const existed = (await readRegular(join(directory, place))) !== undefined;
    if (existed) {
      const copy = join(own, String(index));
      await copyFile(join(directory, place), copy);
      await syncFile(copy);
    }
    files.push({ place, existed });
  }
  await syncDirectory(own);
  return files;
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Never executable: every kind of file is data. */
async function put(path: string, content: string | undefined): Promise<void> {
  if (content === undefined) {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } else await replaceFile(path, content, { mode: 0o644, shared: true });
}

async function nextManifest(directory: string, files: readonly NewFile[]): Promise<string> {
  const manifest = { ...parseManifest((await readRegular(join(directory, manifestName))) ?? '') } as Record<
    string,
    string
  >;
  for (const { place, content } of files) {
    const path = join(directory, place);
    if (content === undefined) delete manifest[path];
    else manifest[path] = sumOf(content);
  }
  return formatManifest(manifest);
}

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PublishParts } from '../parts.ts';
import { readEntries, removeEntries } from '../store/entries.ts';
import { type Store, statIfThere } from '../store/store.ts';

export interface Pruned {
  /** Revisions. */
  readonly removed: string[];
  /** Bytes. */
  readonly freed: number;
}

/** Removes artifacts of one application, but the newest ones and those that are held. */
export async function prunePublished(
  { store, change, now }: PublishParts,
  { application, keep, held = [] }: { application: string; keep: number; held?: readonly string[] },
  dryRun: boolean,
): Promise<Pruned> {
  const all = await readEntries(store, application);
  const old = all.slice(keep).filter(({ revision }) => !held.includes(revision));
  const removed = old.map(({ revision }) => revision);
  if (dryRun) return { removed, freed: old.reduce((sum, { size }) => sum + size, 0) };
  return await change(async () => {
    await removeAbandoned(store, now());
    return { removed, freed: await removeEntries(store, old) };
  });
}

/** Milliseconds after which what was cut off is not resumed any more. */
const abandonedAfter = 7 * 24 * 60 * 60 * 1000;

/** Removes parts of artifacts that nobody resumed, and whole ones that a kill kept from being published. */
export async function removeAbandoned(store: Store, now: number): Promise<void> {
  const named = new Set((await readEntries(store)).map(({ sha256 }) => sha256));
  for (const directory of [store.partials, store.blobs]) {
    for (const name of await readdir(directory)) {
      const file = join(directory, name);
      const changedAt = (await statIfThere(file))?.ctimeMs ?? now;
      const isOld = now - changedAt > abandonedAfter;
      if (isOld && !named.has(name.replace(/\.manifest$/, ''))) await rm(file, { force: true });
    }
  }
}

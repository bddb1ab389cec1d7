import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRevision, type Layout, markedSum, removeRelease } from './layout.ts';
import type { ReleaseState } from './state.ts';

/** A release on the disk and the time of its arrival, in milliseconds. */
export interface PlacedRelease {
  readonly revision: string;
  readonly since: number;
}

/** The releases on the disk, the newest last. */
export async function placedReleases(layout: Layout): Promise<PlacedRelease[]> {
  const placed: PlacedRelease[] = [];
  for (const entry of await readdir(layout.releases, { withFileTypes: true })) {
    if (!entry.isDirectory() || !isRevision(entry.name)) continue;
    const found = await lstat(join(layout.releases, entry.name));
    placed.push({ revision: entry.name, since: found.ctimeMs });
  }
  return placed.sort((a, b) => a.since - b.since || (a.revision < b.revision ? -1 : 1));
}

/**
 * The releases to remove so that `keep` stay: the oldest first, never one that serves, served before, or is being
 * prepared. Releases that did not start do not count: the last of them stays, for a person to look at.
 */
export function planPrune(
  placed: readonly PlacedRelease[],
  state: ReleaseState,
  current: string,
  keep: number,
): string[] {
  const protectedRevisions = new Set([current, state.confirmed, state.before, state.pending]);
  const spare = placed.map(({ revision }) => revision).filter((revision) => !protectedRevisions.has(revision));
  const failures = state.failed ?? [];
  const failed = spare.filter((revision) => failures.includes(revision));
  failed.sort((a, b) => failures.indexOf(a) - failures.indexOf(b));
  const good = spare.filter((revision) => !failed.includes(revision));
  const surplus = placed.length - failed.length - keep;
  return [...failed.slice(0, -1), ...good.slice(0, Math.max(0, surplus))];
}

/** Removes the releases of {@link planPrune} that appmgr itself unpacked: a person's own directories stay. */
export async function pruneReleases(layout: Layout, state: ReleaseState, current: string, keep: number): Promise<void> {
  for (const revision of planPrune(await placedReleases(layout), state, current, keep)) {
    if ((await markedSum(layout, revision)) !== undefined) await removeRelease(layout, revision);
  }
}

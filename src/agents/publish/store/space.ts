import { Problem } from '../../../core/errors.ts';
import type { PublishConfig } from '../config.ts';
import { freeBytes, type Store, usedBytes } from './store.ts';

/** Bytes that stay free for everything else on the disk. */
const reserve = 16 * 1024 * 1024;

/**
 * Refuses what would not fit, before anything is sent.
 * @param needed bytes that are still missing here
 * @param promised bytes that other transfers are still missing
 * @throws Problem `no-space`, `too-many-published`
 */
export async function assertRoom(
  store: Store,
  { max_total: most }: PublishConfig,
  needed: number,
  promised: number,
): Promise<void> {
  if (needed === 0) return;
  const [used, free] = await Promise.all([usedBytes(store), freeBytes(store)]);
  if (used + needed > most) {
    const message = `the published artifacts would take ${used + needed} bytes, and ${most} are allowed`;
    throw new Problem('too-many-published', message, 'run “mco-deploy prune”');
  }
  if (free - promised - reserve >= needed) return;
  const message = `the artifact needs ${needed} bytes below ${store.blobs}, and ${Math.max(0, free - promised - reserve)} are free`;
  throw new Problem('no-space', message, 'free some space, or run “mco-deploy prune”');
}

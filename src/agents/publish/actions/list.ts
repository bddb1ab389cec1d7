import type { PublishParts } from '../parts.ts';
import { type Entry, readEntries } from '../store/entries.ts';
import { freeBytes, usedBytes } from '../store/store.ts';

export interface Listed {
  /** The applications whose artifacts the node takes. */
  readonly takes: string[];
  readonly published: Entry[];
  readonly receiving: { readonly sha256: string; readonly size: number; readonly have: number }[];
  readonly used: number;
  readonly free: number;
  readonly max_total: number;
}

export async function listPublished(
  { config, store, tickets }: PublishParts,
  application: string | undefined,
): Promise<Listed> {
  const names = Object.keys(config.applications).filter((name) => application === undefined || name === application);
  const [published, used, free] = await Promise.all([
    readEntries(store, application),
    usedBytes(store),
    freeBytes(store),
  ]);
  return {
    takes: names,
    published,
    receiving: tickets.receiving().map((one) => ({
      sha256: one.sha256,
      size: one.size,
      have: one.size - one.needed(),
    })),
    used,
    free,
    max_total: config.max_total,
  };
}

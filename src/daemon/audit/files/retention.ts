import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { AuditFile } from '../../../core/audit/files.ts';
import type { DeletedFile } from '../../../core/audit/record.ts';
import { readTail } from './tail.ts';

/** How much history is kept. */
export interface RetentionPolicy {
  /** The number of rotated files. */
  readonly files?: number;
  readonly days?: number;
}

/** Younger records are kept in any case: from them a starting daemon knows which requests it has seen. */
const always = 60 * 60_000;

/** A rotated file, with the time of its last record. */
export interface Archive extends DeletedFile {
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly ended: number;
}

/** @throws Problem `audit-failed` or a system error when a file cannot be read */
export async function describeArchives(files: readonly AuditFile[]): Promise<Archive[]> {
  const archives: Archive[] = [];
  for (const { path, first } of files) {
    if (first === undefined) continue;
    const handle = await open(path, 'r');
    try {
      const { state, last } = await readTail(handle, path);
      const ended = last === undefined ? Number.POSITIVE_INFINITY : Date.parse(last.time);
      archives.push({ path, file: basename(path), first, last: state.sequence, hash: state.hash, ended });
    } finally {
      await handle.close();
    }
  }
  return archives;
}

/**
 * The files to delete: always the oldest ones, so that the rest is one chain.
 * @param sent the sequence number up to which every receiver has the records: a file with later ones stays
 */
export function planDeletion(
  archives: readonly Archive[],
  keep: RetentionPolicy,
  now: number,
  sent = Number.POSITIVE_INFINITY,
): Archive[] {
  const surplus = keep.files === undefined ? 0 : archives.length - keep.files;
  const oldest = keep.days === undefined ? Number.NEGATIVE_INFINITY : now - keep.days * 86_400_000;
  const going = (archive: Archive, index: number) => index < surplus || archive.ended < oldest;
  const stays = archives.findIndex(
    (archive, index) => !going(archive, index) || archive.ended > now - always || archive.last > sent,
  );
  return archives.slice(0, stays < 0 ? archives.length : stays);
}

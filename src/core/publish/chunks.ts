import { createHash } from 'node:crypto';
import { Problem } from '../errors.ts';
import type { ChunkRange } from '../wire/messages.ts';
import { chunkSize } from './limits.ts';

/** Bytes of a SHA-256 digest. */
export const digestSize = 32;

export function chunksOf(size: number): number {
  return Math.ceil(size / chunkSize);
}

/** Where a chunk begins, and how many bytes it has. */
export function chunkAt(index: number, size: number): { readonly at: number; readonly length: number } {
  const at = index * chunkSize;
  return { at, length: Math.min(chunkSize, size - at) };
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The digest of one chunk, as the manifest has it. */
export function digestAt(manifest: Buffer, index: number): Buffer {
  return manifest.subarray(index * digestSize, (index + 1) * digestSize);
}

/** @throws Problem `bad-chunk` when a manifest is not the one that the ticket names */
export function assertManifest(
  manifest: Buffer,
  ticket: { readonly size: number; readonly manifestSha256: Buffer },
  from: string,
): void {
  const fits = manifest.length === chunksOf(ticket.size) * digestSize;
  if (fits && sha256(manifest).equals(ticket.manifestSha256)) return;
  throw new Problem('bad-chunk', `the list of chunks from ${from} is not the one that the ticket names`);
}

/** @throws Problem `bad-chunk` when the bytes are not the chunk of that number */
export function assertChunk(manifest: Buffer, index: number, data: Buffer, size: number, from: string): void {
  const isThere = index >= 0 && index < chunksOf(size);
  if (isThere && data.length === chunkAt(index, size).length && sha256(data).equals(digestAt(manifest, index))) return;
  throw new Problem('bad-chunk', `chunk ${index} from ${from} is corrupted`);
}

/** Numbers in ascending order, as ranges. */
export function rangesOf(indices: Iterable<number>): ChunkRange[] {
  const ranges: ChunkRange[] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === index) last.count++;
    else ranges.push({ first: index, count: 1 });
  }
  return ranges;
}

/**
 * The numbers in ranges.
 * @throws Problem `malformed-message` for one that is not below `most`, or for more numbers than there are
 */
export function indicesOf(ranges: readonly ChunkRange[], most: number): number[] {
  const total = ranges.reduce((sum, { count }) => sum + count, 0);
  if (total > most || ranges.some(({ first, count }) => first + count > most)) {
    throw new Problem('malformed-message', 'the ranges name chunks that the artifact does not have');
  }
  return ranges.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at));
}

import { createHash } from 'node:crypto';
import { type FileHandle, link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defineMutex } from '../../../core/waiting/concurrency.ts';
import { errnoOf, Problem } from '../../../core/errors.ts';
import { replaceFile, syncDirectory } from '../../../core/files/durable.ts';
import { assertChunk, assertManifest, chunkAt, chunksOf, rangesOf } from '../../../core/publish/chunks.ts';
import { chunkSize } from '../../../core/publish/limits.ts';
import type { ChunkRange, Ticket } from '../../../core/wire/messages.ts';
import { openIfThere, type Store } from '../store/store.ts';

/** An artifact of which some chunks are here. All that it takes is verified first. */
export interface Partial {
  readonly sha256: string;
  readonly size: number;
  /** Milliseconds since the epoch: when something of it last arrived. */
  readonly touchedAt: () => number;
  readonly hasManifest: () => boolean;
  readonly missing: () => number;
  /** Bytes that are missing. */
  readonly needed: () => number;
  readonly ranges: () => ChunkRange[];
  /** @throws Problem `bad-chunk` */
  readonly takeManifest: (manifest: Buffer, from: string) => Promise<void>;
  /** @throws Problem `bad-chunk`, `no-space` */
  readonly takeChunk: (index: number, data: Buffer, from: string) => Promise<void>;
  /**
   * Makes it whole: verified once more as it is on the disk, and known by its SHA-256.
   * @throws Problem `bad-checksum` when the chunks are not those of the artifact: all of it is removed then
   */
  readonly finish: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

type Wanted = Pick<Ticket, 'sha256' | 'size' | 'manifestSha256'>;

/** The same artifact under another list of chunks is another partial: one of the two lists is wrong. */
export function partialKey({ sha256, manifestSha256 }: Wanted): string {
  return `${sha256.toString('hex')}-${manifestSha256.toString('hex', 0, 8)}`;
}

/** What is on the disk is judged by its bytes, so that a kill at any moment costs at most the chunk that was written. */
export async function openPartial(store: Store, wanted: Wanted): Promise<Partial> {
  const file = store.partial(partialKey(wanted));
  const manifestFile = `${file}.manifest`;
  const { size } = wanted;
  const sha256 = wanted.sha256.toString('hex');
  let manifest = await readManifest(manifestFile, wanted);
  const missing = new Set(Array.from({ length: chunksOf(size) }, (_, index) => index));
  if (manifest !== undefined) for await (const index of verifiedChunks(file, manifest, size)) missing.delete(index);
  let touchedAt = Date.now();
  const mutex = defineMutex();
  const remove = async () => {
    manifest = undefined;
    for (let index = 0; index < chunksOf(size); index++) missing.add(index);
    await rm(file, { force: true });
    await rm(manifestFile, { force: true });
  };
  return {
    sha256,
    size,
    touchedAt: () => touchedAt,
    hasManifest: () => manifest !== undefined,
    missing: () => missing.size,
    needed: () => [...missing].reduce((sum, index) => sum + chunkAt(index, size).length, 0),
    ranges: () => rangesOf(missing),
    takeManifest: (bytes, from) =>
      mutex(async () => {
        if (manifest !== undefined) return;
        assertManifest(bytes, wanted, from);
        await replaceFile(manifestFile, bytes);
        manifest = bytes;
      }),
    takeChunk: async (index, data, from) => {
      if (manifest === undefined) throw new Problem('bad-chunk', `${from} sent a chunk before the list of chunks`);
      assertChunk(manifest, index, data, size, from);
      touchedAt = Date.now();
      if (!missing.has(index)) return;
      try {
        await writeAt(file, data, chunkAt(index, size).at);
      } catch (error) {
        throw await explainFull(error, file, remove);
      }
      missing.delete(index);
    },
    finish: () =>
      mutex(async () => {
        await assertWhole(file, sha256, remove);
        // The manifest is in both places until the artifact is in its own: a kill in between loses neither.
        await rm(store.manifest(sha256), { force: true });
        await link(manifestFile, store.manifest(sha256));
        await rename(file, store.blob(sha256));
        await syncDirectory(store.blobs);
        await rm(manifestFile, { force: true });
      }),
    remove,
  };
}

async function readManifest(file: string, wanted: Wanted): Promise<Buffer | undefined> {
  try {
    const manifest = await readFile(file);
    assertManifest(manifest, wanted, file);
    return manifest;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || (error instanceof Problem && error.code === 'bad-chunk')) return undefined;
    throw error;
  }
}

async function* verifiedChunks(file: string, manifest: Buffer, size: number): AsyncGenerator<number> {
  const handle = await openIfThere(file);
  if (handle === undefined) return;
  try {
    for (let index = 0; index < chunksOf(size); index++) {
      const data = await readChunk(handle, index, size);
      try {
        assertChunk(manifest, index, data, size, file);
        yield index;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
      }
    }
  } finally {
    await handle.close();
  }
}

/** As much of a chunk as is there. */
export async function readChunk(handle: FileHandle, index: number, size: number): Promise<Buffer> {
  const { at, length } = chunkAt(index, size);
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function writeAt(file: string, data: Buffer, at: number): Promise<void> {
  const handle = await open(file, 'r+').catch(async (error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    // Made without being emptied: another chunk may be written at the same time.
    await open(file, 'a', 0o600).then((made) => made.close());
    return await open(file, 'r+');
  });
  try {
    for (let written = 0; written < data.length; ) {
      const { bytesWritten } = await handle.write(data, written, data.length - written, at + written);
      written += bytesWritten;
    }
  } finally {
    await handle.close();
  }
}

/** A disk that is full gets its space back: nothing else on the node must suffer from a transfer. */
async function explainFull(error: unknown, file: string, remove: () => Promise<void>): Promise<unknown> {
  if (!['ENOSPC', 'EDQUOT'].includes(errnoOf(error))) return error;
  await remove().catch(() => {});
  const message = `the disk of ${dirname(file)} became full while the artifact was received; its parts were removed`;
  return new Problem('no-space', message, 'free some space, or run “mco-deploy prune”', { cause: error });
}

async function assertWhole(file: string, sha256: string, remove: () => Promise<void>): Promise<void> {
  const handle = await open(file, 'r');
  const hash = createHash('sha256');
  try {
    await handle.sync();
    for (let at = 0; ; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  const found = hash.digest('hex');
  if (found === sha256) return;
  await remove();
  const message = `the received artifact has the SHA-256 sum ${found}, not ${sha256} as its ticket; it was removed`;
  throw new Problem('bad-checksum', message, 'publish it again');
}

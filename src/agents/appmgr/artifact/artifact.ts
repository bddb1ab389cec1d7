import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../../../core/errors.ts';
import { download } from './download.ts';
import { openPublished, readExpectedSum } from './locate.ts';
import { type ArtifactLocation, type ArtifactSource, locationOf } from './source.ts';
import { assertFree } from '../release/space.ts';

/** Bytes read at a time. */
const chunkSize = 256 * 1024;

/** An artifact that is open for reading and whose sum was found right. */
export interface VerifiedArtifact {
  readonly handle: FileHandle;
  readonly sha256: string;
  /** Bytes, packed. */
  readonly size: number;
  /** @throws Problem `bad-checksum` when the file was written to since its sum was taken */
  readonly assertUntouched: () => Promise<void>;
}

/**
 * Opens the artifact of a revision and compares its sum; the caller closes the handle.
 * @param fresh a file that may be made for what has to be downloaded; the caller removes it
 * @throws Problem `unknown-revision`, `bad-checksum`, `bad-signature`, `bad-artifact`, `artifact-too-large`,
 * `artifacts-unreachable`, `no-space`
 */
export async function verifyArtifact(
  source: ArtifactSource,
  revision: string,
  fresh: string,
  signal: AbortSignal,
): Promise<VerifiedArtifact> {
  const place = locationOf(source, revision);
  const expected = await readExpectedSum(source, revision, signal);
  const handle = await openArtifact(source, place, revision, fresh, signal);
  try {
    const before = await handle.stat({ bigint: true });
    const sha256 = await sumOf(handle, signal);
    if (sha256 !== expected) {
      const found = `its SHA-256 sum is ${sha256}, not ${expected}`;
      throw new Problem('bad-checksum', `${place.at} is not what was published: ${found}`, 'copy it here again');
    }
    const assertUntouched = async () => {
      if (sameContent(before, await handle.stat({ bigint: true }))) return;
      throw new Problem('bad-checksum', `${place.at} was changed while it was read`, 'publish artifacts by renaming');
    };
    await assertUntouched();
    return { handle, sha256, size: Number(before.size), assertUntouched };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openArtifact(
  source: ArtifactSource,
  place: ArtifactLocation,
  revision: string,
  fresh: string,
  signal: AbortSignal,
): Promise<FileHandle> {
  if (place.kind === 'file') return openPublished(place, revision);
  const got = await download(place.at, source.download, source.download.max_size, signal, async ({ size, content }) => {
    await assertFree(dirname(fresh), size ?? 0);
    return writeFresh(fresh, content);
  });
  if (got !== undefined) return got;
  throw new Problem('unknown-revision', `there is not a valid revision ${revision}: ${place.at} is missing`);
}

async function writeFresh(file: string, content: AsyncIterable<Buffer>): Promise<FileHandle> {
  const handle = await open(file, 'wx+', 0o600);
  try {
    for await (const chunk of content) await handle.writeFile(chunk);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Whether {@link verifyArtifact} would find what it needs, without a download.
 * @throws Problem as it does
 */
export async function assertArtifact(source: ArtifactSource, revision: string, signal: AbortSignal): Promise<void> {
  const place = locationOf(source, revision);
  if (place.kind === 'file') return (await verifyArtifact(source, revision, '', signal)).handle.close();
  await readExpectedSum(source, revision, signal);
  const found = await download(place.at, source.download, source.download.max_size, signal, async () => true);
  if (found !== true) {
    throw new Problem('unknown-revision', `there is not a valid revision ${revision}: ${place.at} is missing`);
  }
}

/** The kernel sets ctime at every write, and nobody can set it back. */
function sameContent(before: BigIntStats, after: BigIntStats): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}

async function sumOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readChunks(handle, signal)) hash.update(chunk);
  return hash.digest('hex');
}

/** The file from its beginning. (A stream of Node's would close the handle when it is ended early.) */
export async function* readChunks(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
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
  /** A copy that nobody else can write to: what is unpacked are the bytes whose sum was taken. */
  readonly handle: FileHandle;
  readonly sha256: string;
  /** Bytes, packed. */
  readonly size: number;
}

/**
 * Copies the artifact of a revision, compares the sum of what was copied, and opens the copy; the caller closes the handle.
 * A check of the original would say nothing of what is read from it later: a shared mapping changes a file without a trace.
 * @param fresh a file that may be made for the copy; it has no name any more when this returns
 * @throws Problem `unknown-revision`, `bad-checksum`, `bad-signature`, `bad-artifact`, `artifact-too-large`,
 * `artifacts-unreachable`, `no-space`
 */
export async function verifyArtifact(
  source: ArtifactSource,
  revision: string,
  fresh: string,
  signal: AbortSignal,
): Promise<VerifiedArtifact> {
  const location = locationOf(source, revision);
  const expected = await readExpectedSum(source, revision, signal);
  const copy = await copyArtifact(source, location, revision, fresh, signal);
  if (copy.sha256 === expected) return copy;
  await copy.handle.close();
  throw wrongSum(location, copy.sha256, expected);
}

function wrongSum(location: ArtifactLocation, found: string, expected: string): Problem {
  const what = `its SHA-256 sum is ${found}, not ${expected}`;
  return new Problem(
    'bad-checksum',
    `${location.at} differs from the published artifact: ${what}`,
    'copy it here again',
  );
}

async function copyArtifact(
  source: ArtifactSource,
  location: ArtifactLocation,
  revision: string,
  fresh: string,
  signal: AbortSignal,
): Promise<VerifiedArtifact> {
  const take = async ({ size, content }: { size: number | undefined; content: AsyncIterable<Buffer> }) => {
    await assertFree(dirname(fresh), size ?? 0);
    return writeFresh(fresh, content);
  };
  if (location.kind === 'file') {
    const published = await openPublished(location, revision);
    try {
      const { size } = await published.stat();
      return await take({ size, content: readChunks(published, signal, size) });
    } finally {
      await published.close();
    }
  }
  const got = await download(location.at, source.download, source.download.max_size, signal, take);
  if (got !== undefined) return got;
  throw new Problem('unknown-revision', `there is no revision ${revision}: ${location.at} is missing`);
}

/** Without a name, once it is open: it is gone with this process, and no other one can open it. */
async function writeFresh(file: string, content: AsyncIterable<Buffer>): Promise<VerifiedArtifact> {
  const handle = await open(file, 'wx+', 0o600);
  try {
    await rm(file);
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      await handle.writeFile(chunk);
      size += chunk.length;
    }
    return { handle, sha256: hash.digest('hex'), size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Whether {@link verifyArtifact} would succeed in finding its files, without a download.
 * @throws Problem as it does
 */
export async function assertArtifact(source: ArtifactSource, revision: string, signal: AbortSignal): Promise<void> {
  const location = locationOf(source, revision);
  const expected = await readExpectedSum(source, revision, signal);
  if (location.kind === 'file') {
    const published = await openPublished(location, revision);
    try {
      const found = await sumOf(published, signal);
      if (found !== expected) throw wrongSum(location, found, expected);
    } finally {
      await published.close();
    }
    return;
  }
  const found = await download(location.at, source.download, source.download.max_size, signal, async () => true);
  if (found !== true) {
    throw new Problem('unknown-revision', `there is no revision ${revision}: ${location.at} is missing`);
  }
}

async function sumOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readChunks(handle, signal)) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * The file from its beginning. (A stream of Node's would close the handle when it is ended early.)
 * @param most bytes; later growth of the file is ignored
 */
export async function* readChunks(
  handle: FileHandle,
  signal: AbortSignal,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < most; ) {
    signal.throwIfAborted();
    const length = Math.min(chunkSize, most - at);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../../../core/errors.ts';
import { download } from './download.ts';
import { assertSigned } from './signature.ts';
import { type ArtifactLocation, type ArtifactSource, withSuffix, locationOf } from './source.ts';

/** The maximum size of a file of sums or a signature. */
const largestSums = 64 * 1024;

function unknownRevision(revision: string, location: ArtifactLocation): Problem {
  return new Problem('unknown-revision', `there is no revision ${revision}: ${location.at} is missing`);
}

/**
 * Whether an artifact and its sum exist; not whether they match.
 * @throws Problem `artifacts-unreachable` when that is unknown
 */
export async function hasArtifact(source: ArtifactSource, revision: string, signal: AbortSignal): Promise<boolean> {
  const location = locationOf(source, revision);
  if (location.kind === 'url')
    return (await readBounded(source, withSuffix(location, '.sha256'), revision, signal)) !== undefined;
  try {
    const [artifact, sums] = await Promise.all([lstat(location.at), lstat(`${location.at}.sha256`)]);
    return artifact.isFile() && sums.isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return false;
    throw error;
  }
}

/** Opens a regular file without following links: a name in the directory is exactly that file. */
export async function openPublished(location: ArtifactLocation, revision: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(location.at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw unknownRevision(revision, location);
    const why = code === 'ELOOP' ? 'it is a symbolic link' : explainErrno(cause);
    throw new Problem('bad-artifact', `${location.at} cannot be used: ${why}`, '', { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Problem('bad-artifact', `${location.at} cannot be used: it is not a regular file`);
}

/**
 * The sum of a file in a text as sha256sum(1) writes it: `HEX  NAME` or `HEX *NAME`, a file a line.
 * @throws Problem `bad-checksum` when it does not name the file
 */
export function parseSums(text: string, name: string, shown: string): string {
  for (const line of text.split('\n')) {
    const [, sum, named] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line.replace(/\r$/, '')) ?? [];
    if (sum !== undefined && named === name) return sum;
  }
  throw new Problem('bad-checksum', `${shown} has no SHA-256 sum for ${name}`, 'write it with sha256sum');
}

/**
 * The expected sum of a revision's artifact, after its signature was verified if one is required. The signature covers
 * the sums, which name the file: so neither the content nor the revision can be exchanged.
 * @throws Problem `unknown-revision`, `bad-checksum`, `bad-signature`, `bad-artifact`, `artifacts-unreachable`
 */
export async function readExpectedSum(source: ArtifactSource, revision: string, signal: AbortSignal): Promise<string> {
  const location = locationOf(source, revision);
  const sums = withSuffix(location, '.sha256');
  const text = await readBounded(source, sums, revision, signal);
  if (text === undefined) throw unknownRevision(revision, sums);
  if (source.signers.length > 0) {
    const signature = await readBounded(source, withSuffix(sums, '.sig'), revision, signal);
    await assertSigned(text, signature, source.signers, sums.at);
  }
  return parseSums(text.toString('utf8'), location.name, sums.at);
}

/** The first bytes of a small file; undefined when it does not exist. */
async function readBounded(
  source: ArtifactSource,
  location: ArtifactLocation,
  revision: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (location.kind === 'url') {
    return download(location.at, source.download, largestSums, signal, async ({ content }) =>
      Buffer.concat(await Array.fromAsync(content)),
    );
  }
  const handle = await openPublished(location, revision).catch((error) => {
    if (error instanceof Problem && error.code === 'unknown-revision') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(largestSums), 0, largestSums, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

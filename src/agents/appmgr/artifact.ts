import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { assertRevision } from './layout.ts';

/** Bytes of a file of sums. */
const largestSums = 64 * 1024;
/** Bytes read at a time. */
const chunkSize = 256 * 1024;

/** An artifact that is open for reading and whose sum was found right. */
export interface VerifiedArtifact {
  readonly file: string;
  readonly handle: FileHandle;
  readonly sha256: string;
  /** Bytes, packed. */
  readonly size: number;
  /** @throws Problem `bad-checksum` when the file was written to since its sum was taken */
  readonly assertUntouched: () => Promise<void>;
}

export interface ArtifactSource {
  readonly application: string;
  readonly directory: string;
}

function nameOf({ application }: ArtifactSource, revision: string): string {
  assertRevision(revision);
  return `${application}-${revision}.tar.gz`;
}

/** Whether an artifact and its sum are there; not whether they fit. */
export async function hasArtifact(source: ArtifactSource, revision: string): Promise<boolean> {
  const file = join(source.directory, nameOf(source, revision));
  try {
    const [artifact, sums] = await Promise.all([lstat(file), lstat(`${file}.sha256`)]);
    return artifact.isFile() && sums.isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return false;
    throw error;
  }
}

/** Links are not followed: a name in the directory is that very file. */
async function openArtifact(file: string, revision: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Problem('unknown-revision', `there is no revision ${revision}: ${file} is missing`);
    }
    const why = code === 'ELOOP' ? 'it is a symbolic link' : explainErrno(cause);
    throw new Problem('bad-artifact', `${file} cannot be used: ${why}`, '', { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Problem('bad-artifact', `${file} cannot be used: it is no regular file`);
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

/** The sum that the artifact of a revision should have. @throws Problem `unknown-revision`, `bad-checksum`, `bad-artifact` */
export async function readExpectedSum(source: ArtifactSource, revision: string): Promise<string> {
  const name = nameOf(source, revision);
  const file = join(source.directory, `${name}.sha256`);
  const handle = await openArtifact(file, revision);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(largestSums), 0, largestSums, 0);
    return parseSums(buffer.toString('utf8', 0, bytesRead), name, file);
  } finally {
    await handle.close();
  }
}

/**
 * Opens the artifact of a revision and compares its sum; the caller closes the handle.
 * @throws Problem `unknown-revision`, `bad-checksum`, `bad-artifact`
 */
export async function verifyArtifact(
  source: ArtifactSource,
  revision: string,
  signal: AbortSignal,
): Promise<VerifiedArtifact> {
  const file = join(source.directory, nameOf(source, revision));
  const handle = await openArtifact(file, revision);
  try {
    const expected = await readExpectedSum(source, revision);
    const before = await handle.stat({ bigint: true });
    const sha256 = await sumOf(handle, signal);
    if (sha256 !== expected) {
      const found = `its SHA-256 sum is ${sha256}, not ${expected}`;
      throw new Problem('bad-checksum', `${file} is not what was published: ${found}`, 'copy it here again');
    }
    const assertUntouched = async () => {
      if (sameContent(before, await handle.stat({ bigint: true }))) return;
      throw new Problem('bad-checksum', `${file} was changed while it was read`, 'publish artifacts by renaming them');
    };
    await assertUntouched();
    return { file, handle, sha256, size: Number(before.size), assertUntouched };
  } catch (error) {
    await handle.close();
    throw error;
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

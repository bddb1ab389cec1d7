import { createHash } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { ifThere } from '../../core/files/if-there.ts';
import { readInput } from '../../core/files/read-input.ts';
import { chunkAt, chunksOf, sha256 } from '../../core/publish/chunks.ts';
import { chunkSize, largestArtifact } from '../../core/publish/limits.ts';

/** An artifact on this host, ready to be sent. */
export interface LocalArtifact {
  readonly size: number;
  readonly sha256: Buffer;
  readonly manifest: Buffer;
  /** @throws Problem `bad-publication` when the file changed since its digests were taken */
  readonly chunk: (index: number) => Promise<Buffer>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a file, or packs a directory, and computes the digests of all of it.
 * @param expected its SHA-256 (hex), if the caller knows it; a file of sums beside the file is also checked
 * @throws Problem `bad-publication`, `bad-checksum`, `bad-archive`
 */
export async function openArtifact(
  path: string,
  expected: string | undefined,
  signal: AbortSignal,
): Promise<LocalArtifact> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Problem('bad-publication', `${path} cannot be published: ${explainErrno(cause)}`, '', { cause });
  });
  if (!found.isDirectory()) return await openFile(path, expected ?? (await readSums(path)), async () => {}, signal);
  const scratch = await mkdtemp(join(tmpdir(), 'mco-deploy-publish-'));
  const remove = () => rm(scratch, { recursive: true, force: true });
  try {
    const { packDirectory } = await import('./pack.ts');
    const file = join(scratch, 'artifact.tar.gz');
    await packDirectory(path, file, signal);
    return await openFile(file, expected, remove, signal);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function openFile(
  path: string,
  expected: string | undefined,
  remove: () => Promise<void>,
  signal: AbortSignal,
): Promise<LocalArtifact> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new Problem('bad-publication', `${path} cannot be published: ${explainErrno(cause)}`, '', { cause });
  });
  const close = async () => {
    await handle.close();
    await remove();
  };
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Problem('bad-publication', `${path} is not a file or a directory`);
    const { size } = found;
    assertSize(path, size);
    await assertGzip(path, handle);
    const { digest, manifest } = await digestsOf(handle, size, signal);
    if (expected !== undefined && expected !== digest.toString('hex')) {
      const message = `${path} has the SHA-256 sum ${digest.toString('hex')}, not ${expected}`;
      throw new Problem('bad-checksum', message, 'build it again, or correct the sum');
    }
    const chunk = async (index: number) => {
      const data = await readAt(handle, index, size);
      if (sha256(data).equals(manifest.subarray(index * 32, (index + 1) * 32))) return data;
      throw new Problem('bad-publication', `${path} changed while it was published`, 'publish it again');
    };
    return { size, sha256: digest, manifest, chunk, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function assertSize(path: string, size: number): void {
  if (size === 0) throw new Problem('bad-publication', `${path} is empty`);
  if (size <= largestArtifact) return;
  throw new Problem('artifact-too-large', `${path} has ${size} bytes, and ${largestArtifact} are allowed`);
}

/** It is better to refuse here what appmgr would refuse on every node (RFC 1952, 2.3.1). */
async function assertGzip(path: string, handle: FileHandle): Promise<void> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  if (bytesRead === 2 && buffer.toString('hex') === '1f8b') return;
  throw new Problem('bad-archive', `${path} is not a gzip file`, 'build it with “tar -czf”, or name a directory');
}

async function digestsOf(handle: FileHandle, size: number, signal: AbortSignal) {
  const whole = createHash('sha256');
  const chunks: Buffer[] = [];
  for (let index = 0; index < chunksOf(size); index++) {
    if (signal.aborted) throw new Problem('cancelled', 'interrupted');
    const data = await readAt(handle, index, size);
    whole.update(data);
    chunks.push(sha256(data));
  }
  return { digest: whole.digest(), manifest: Buffer.concat(chunks) };
}

async function readAt(handle: FileHandle, index: number, size: number): Promise<Buffer> {
  const { at, length } = chunkAt(index, size);
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(Math.min(length, chunkSize)), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

/** The sum in FILE.sha256, as sha256sum(1) writes it; undefined if there is none. @throws Problem `bad-checksum` */
async function readSums(path: string): Promise<string | undefined> {
  const file = `${path}.sha256`;
  const text = await ifThere(readInput(file));
  if (text === undefined) return undefined;
  for (const line of text.toString('utf8').split(/\r?\n/)) {
    const [, sum, name] = /^([0-9a-f]{64})(?: [ *](.+))?$/.exec(line) ?? [];
    if (sum !== undefined && (name === undefined || basename(name) === basename(path))) return sum;
  }
  throw new Problem('bad-checksum', `${file} has no SHA-256 sum of ${basename(path)}`, 'write it with sha256sum');
}

import { chmod, type FileHandle, link, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { mapLimited } from '../../../core/waiting/concurrency.ts';
import { makeDirectories, syncDirectory } from '../../../core/files/durable.ts';
import { errnoOf, Problem } from '../../../core/errors.ts';
import { readChunks } from './artifact.ts';
import { notGzip } from './formats.ts';
import { type PlannedEntry, ReleaseTree } from './release-tree.ts';
import { type Piece, readTar, type TarEntry } from './tar/read.ts';

export interface UnpackLimits {
  /** Bytes, unpacked. */
  readonly maxSize: number;
  readonly maxEntries: number;
  /** Absolute paths of the node that symbolic links may lead to, or below. */
  readonly outsideLinks: readonly string[];
}

/** Concurrent syncs: the file system then commits many of them as one. */
const syncsAtOnce = 16;

/**
 * Unpacks a gzipped tar into a new directory, and returns when all of it is on the disk. Owners in the archive are not
 * kept, nor is write permission for group and others.
 * @throws Problem `bad-archive`, `unsafe-archive`, `archive-too-large`; system errors as they are
 */
export async function unpack(
  archive: FileHandle,
  directory: string,
  limits: UnpackLimits,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(directory);
  const tree = new ReleaseTree(limits);
  const files: string[] = [];
  const directories = new Map<string, number>([[directory, 0o755]]);
  const note = (path: string) => {
    for (let at = dirname(path); !directories.has(at); at = dirname(at)) directories.set(at, 0o755);
  };
  for await (const entry of readTar(decompress(archive, signal), limits.maxSize)) {
    const planned = tree.add(entry);
    if (planned.kind === 'nothing') continue;
    const path = join(directory, planned.path);
    await makeDirectories(dirname(path), 0o777, { sync: false });
    note(path);
    if (planned.kind === 'directory') directories.set(path, planned.mode);
    if (planned.kind === 'file') files.push(path);
    await make(planned, path, directory, entry);
  }
  const links = [...tree.links()];
  // Built from an empty directory: a host would serve nothing.
  if (files.length === 0 && links.length === 0)
    throw new Problem('bad-archive', 'the archive has no file in it', 'see what it was built from: tar -tzf FILE');
  for (const [path, target] of links) await symlink(target, join(directory, path));
  await syncAll(files, syncFile, signal);
  await syncAll([...directories], settleDirectory, signal);
}

async function make(planned: PlannedEntry, path: string, directory: string, entry: TarEntry): Promise<void> {
  switch (planned.kind) {
    case 'directory':
      return void (await mkdir(path));
    case 'hardlink':
      return link(join(directory, planned.target), path);
    case 'file':
      return writeContent(path, planned.mode, entry);
    default:
  }
}

/** `wx` refuses any existing entry, a link included. */
async function writeContent(path: string, mode: number, { content, size }: TarEntry): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let end = 0;
    for await (const piece of content) {
      await writePiece(handle, piece);
      end = piece.at + piece.bytes.length;
    }
    // A hole at the end of the file.
    if (end < size) await handle.truncate(size);
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

async function writePiece(handle: FileHandle, { at, bytes }: Piece): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

async function* decompress(archive: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const packed = Readable.from(readChunks(archive, signal));
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  packed.once('error', (error) => gunzip.destroy(error));
  packed.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (cause) {
    if (!errnoOf(cause).startsWith('Z_')) throw cause;
    throw notGzip(await firstBytes(archive), cause);
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

async function firstBytes(archive: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await archive.read(Buffer.alloc(512), 0, 512, 0);
  return buffer.subarray(0, bytesRead);
}

/** The mode is set here, independent of the process's umask: a web server of another user must read it. */
async function settleDirectory([path, mode]: [string, number]): Promise<void> {
  await chmod(path, mode);
  await syncDirectory(path);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Writes to the disk, several at a time, until the signal. */
async function syncAll<T>(items: readonly T[], sync: (item: T) => Promise<void>, signal: AbortSignal): Promise<void> {
  await mapLimited(items, syncsAtOnce, async (item) => {
    signal.throwIfAborted();
    await sync(item);
  });
}

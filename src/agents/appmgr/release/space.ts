import { type FileHandle, statfs } from 'node:fs/promises';
import { Problem } from '../../../core/errors.ts';

/** The unpacked size in gzip's last four bytes (RFC 1952, ISIZE): modulo 2^32, and only a hint. */
async function unpackedSize(archive: FileHandle, packed: number): Promise<number> {
  if (packed < 18) return 0;
  const { buffer } = await archive.read(Buffer.alloc(4), 0, 4, packed - 4);
  return Math.max(packed, buffer.readUInt32LE(0));
}

/** Refuses early what would fill the disk during unpacking. @throws Problem `no-space` */
export async function assertSpace(root: string, archive: FileHandle, packed: number): Promise<void> {
  await assertFree(root, await unpackedSize(archive, packed));
}

/** @throws Problem `no-space` when fewer bytes are free below a directory */
export async function assertFree(directory: string, needed: number): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  if (needed <= free) return;
  throw new Problem(
    'no-space',
    `the release needs ${needed} bytes below ${directory}, and ${free} are free`,
    'free some space, or keep fewer releases',
  );
}

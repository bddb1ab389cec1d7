import { gzipSync } from 'node:zlib';
import { Problem } from '../core/errors.ts';

/** A file, or a directory when the path ends in `/`. */
export interface ArchiveEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

const block = 512;

/**
 * A .tar.gz in the POSIX ustar format (pax, IEEE Std 1003.1), owned by root where root unpacks it.
 * @param now milliseconds since the epoch
 * @throws Problem `bad-archive` when a path is longer than 100 bytes
 */
export function packArchive(entries: readonly ArchiveEntry[], now: number): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content);
    return [headerOf(entry, content.length, now), content, Buffer.alloc(-content.length & (block - 1))];
  });
  // Two empty blocks end an archive.
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * block)]));
}

/** The fields of a header: where each stands, in the order of the standard. */
function headerOf({ path, mode }: ArchiveEntry, size: number, now: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Problem('bad-archive', `the path ${path} is too long for an archive`);
  const header = Buffer.alloc(block);
  header.write(path, 0);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(Math.floor(now / 1000), 12), 136);
  // The checksum counts its own field as blanks.
  header.write(' '.repeat(8), 148);
  header.write(path.endsWith('/') ? '5' : '0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write('root', 265);
  header.write('root', 297);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';

/** A file, or a directory when the path ends in `/`. */
export interface ArchiveEntry {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/**
 * A .tar.gz in the POSIX ustar format (pax, IEEE Std 1003.1), owned by root where root unpacks it.
 * @param now milliseconds since the epoch
 */
export async function packArchive(entries: readonly ArchiveEntry[], now: number): Promise<Buffer> {
  const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: new Date(now) };
  const packed = await packTar(
    entries.map(({ path, mode, content }) => ({
      header: {
        ...owner,
        name: path,
        mode,
        type: path.endsWith('/') ? 'directory' : 'file',
        size: Buffer.byteLength(content),
      },
      body: content,
    })),
  );
  return gzipSync(packed);
}

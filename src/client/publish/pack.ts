import { createWriteStream } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { createTarPacker } from 'modern-tar';
import { Problem } from '../../core/errors.ts';

/** The time of every entry: the same content gives the same archive at any time (reproducible-builds.org). */
const epoch = new Date(315_532_800_000);
const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: epoch };

type Controller = ReturnType<typeof createTarPacker>['controller'];

/**
 * Packs a directory as tar.gz: entries in the order of their names, without owners and times, modes as 0755 or 0644.
 * @throws Problem `bad-publication` for anything but a file, a directory or a symbolic link, and for a file that
 * changes while it is read
 */
export async function packDirectory(directory: string, file: string, signal: AbortSignal): Promise<void> {
  const { readable, controller } = createTarPacker();
  const written = pipeline(
    Readable.fromWeb(readable as Parameters<typeof Readable.fromWeb>[0]),
    createGzip({ level: 6 }),
    createWriteStream(file, { mode: 0o600 }),
    { signal },
  );
  // The error of packing is the reason; the error of the pipeline is its consequence.
  written.catch(() => {});
  try {
    if ((await addBelow(directory, '', controller, signal)) === 0) {
      throw new Problem(
        'bad-publication',
        `${directory} is empty`,
        'name the directory that holds the built application',
      );
    }
    controller.finalize();
  } catch (error) {
    controller.error(error);
    throw error;
  }
  await written;
}

/** @returns how many entries were added */
async function addBelow(root: string, below: string, controller: Controller, signal: AbortSignal): Promise<number> {
  // By code units, independent of the locale.
  const names = (await readdir(join(root, below))).sort();
  let count = 0;
  for (const name of names) {
    if (signal.aborted) throw new Problem('cancelled', 'interrupted');
    const path = below === '' ? name : `${below}/${name}`;
    const at = join(root, path);
    const found = await lstat(at);
    if (found.isDirectory()) {
      await controller.add({ ...owner, name: `${path}/`, type: 'directory', mode: 0o755, size: 0 }).close();
      count += await addBelow(root, path, controller, signal);
    } else if (found.isSymbolicLink()) {
      const header = { ...owner, name: path, type: 'symlink', mode: 0o777, size: 0 } as const;
      await controller.add({ ...header, linkname: await readlink(at) }).close();
    } else if (found.isFile()) {
      await addFile(at, path, controller);
    } else {
      throw new Problem('bad-publication', `${at} is not a file, a directory or a symbolic link`, 'remove it');
    }
    count++;
  }
  return count;
}

async function addFile(at: string, name: string, controller: Controller): Promise<void> {
  const handle = await open(at, 'r');
  try {
    const { size, mode } = await handle.stat();
    const header = { ...owner, name, type: 'file', mode: (mode & 0o100) === 0 ? 0o644 : 0o755, size } as const;
    const writer = controller.add(header).getWriter();
    let left = size;
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 })) {
      left -= (chunk as Buffer).length;
      if (left < 0) break;
      await writer.write(chunk as Buffer<ArrayBuffer>);
    }
    if (left !== 0) throw new Problem('bad-publication', `${at} changed while it was packed`, 'publish again');
    await writer.close();
  } finally {
    await handle.close();
  }
}

import { constants } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, Problem } from '../../core/errors.ts';
import { syncDirectory } from '../../core/files/durable.ts';

/**
 * Checks that nobody else decides where files below a directory end up: it and the path to the file are real
 * directories, which belong to the helper’s user and which nobody else may write.
 * @throws Problem `bad-permissions`
 */
export async function requireSafePath(directory: string, path: string): Promise<void> {
  await requireOwn(directory);
  const below = dirname(path);
  if (below !== '.') await requireOwn(join(directory, below), true);
  await requireRegular(join(directory, path));
}

async function requireOwn(path: string, make = false): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (make && errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) {
    await mkdir(path, { mode: 0o755 });
    await syncDirectory(dirname(path));
    return;
  }
  const why = !found.isDirectory()
    ? 'is not a directory of its own'
    : found.uid !== process.getuid?.()
      ? 'belongs to another user'
      : (found.mode & 0o022) !== 0
        ? 'can be written by others'
        : undefined;
  if (why === undefined) return;
  throw new Problem(
    'bad-permissions',
    `${path} ${why}: nothing is written below it`,
    `chown root ${path} && chmod go-w ${path}`,
  );
}

async function requireRegular(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if ((await handle.stat()).isFile()) return;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'ELOOP' && errnoOf(error) !== 'ENXIO') throw error;
  }
  throw new Problem('bad-permissions', `${path} is not a regular file: it is not replaced`, 'remove it on the host');
}

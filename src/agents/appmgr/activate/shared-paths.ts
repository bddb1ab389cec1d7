import { lstat, mkdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../../core/files/durable.ts';
import { errnoOf, Problem } from '../../../core/errors.ts';
import { type Layout, newStagingPath } from '../release/layout.ts';

/**
 * Makes paths of a release links to the shared ones: `uploads` leads to ROOT/shared/uploads. Entries of the archive are
 * replaced. Repeating it changes nothing. Paths contain no `..`, as their schema requires.
 * @param release a directory two levels below the root
 * @throws Problem `missing-shared`, `bad-layout`
 */
export async function linkShared(layout: Layout, release: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await linkOne(layout, release, path);
}

async function linkOne(layout: Layout, release: string, path: string): Promise<void> {
  const kept = join(layout.root, 'shared', path);
  await stat(kept).catch((cause) => {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(cause))) throw cause;
    throw new Problem('missing-shared', `${kept} is shared by all releases, and is missing`, 'create it first');
  });
  const linkPath = join(release, path);
  const target = join('../'.repeat(path.split('/').length + 1), 'shared', path);
  if ((await linkAt(linkPath)) === target) return;
  await assertDirectories(release, dirname(path));
  await moveAway(layout, linkPath);
  await symlink(target, linkPath);
  await syncDirectory(dirname(linkPath));
}

async function linkAt(path: string): Promise<string | undefined> {
  return readlink(path).catch((error) => {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
    throw error;
  });
}

/** A link of the release in the path would redirect the write. */
async function assertDirectories(release: string, path: string): Promise<void> {
  let at = release;
  for (const part of path.split('/').filter((one) => one !== '.')) {
    at = join(at, part);
    await makeDirectory(at);
    if (!(await lstat(at)).isDirectory()) {
      throw new Problem('bad-layout', `${at} is not a directory, and a shared path is below it`);
    }
  }
}

/** A created directory is on the disk when it returns. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function moveAway(layout: Layout, linkPath: string): Promise<void> {
  const trash = newStagingPath(layout, 'replaced');
  try {
    await rename(linkPath, trash);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(trash, { recursive: true, force: true });
}

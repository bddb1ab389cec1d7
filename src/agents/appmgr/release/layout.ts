import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, opendir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, syncDirectory } from '../../../core/files/durable.ts';
import { errnoOf, Problem } from '../../../core/errors.ts';

const revisionPattern = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;

export function isRevision(name: string): boolean {
  return revisionPattern.test(name);
}

/** Checked here too, and not only by the DDL: paths are made from it. @throws Problem `bad-revision` */
export function assertRevision(name: string): void {
  if (isRevision(name)) return;
  throw new Problem('bad-revision', `${JSON.stringify(name.slice(0, 128))} is not a valid revision`);
}

/** The paths of an application below its root. */
export interface Layout {
  readonly root: string;
  readonly releases: string;
  readonly staging: string;
  readonly current: string;
  readonly state: string;
  readonly release: (revision: string) => string;
  /** Marks a release as whole; written last. */
  readonly marker: (revision: string) => string;
}

export function layoutOf(root: string): Layout {
  const releases = join(root, 'releases');
  return {
    root,
    releases,
    staging: join(root, '.staging'),
    current: join(root, 'current'),
    state: join(root, '.appmgr.json'),
    release: (revision) => {
      assertRevision(revision);
      return join(releases, revision);
    },
    marker: (revision) => {
      assertRevision(revision);
      return join(releases, `.${revision}.json`);
    },
  };
}

/** The root is never created: it may be a failed mount, which must not be filled. @throws Problem `bad-layout` */
export async function assertRoot({ root }: Layout): Promise<void> {
  await assertDirectory(`${root}/`);
}

/**
 * Creates missing directories and empties the staging directory of a killed upgrade's leftovers.
 * @throws Problem `bad-layout`
 */
export async function prepareLayout(layout: Layout): Promise<void> {
  for (const [directory, mode] of [
    [layout.releases, 0o755],
    [layout.staging, 0o700],
  ] as const) {
    try {
      await mkdir(directory, mode);
      await chmod(directory, mode);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await assertDirectory(directory);
  }
  for (const name of await readdir(layout.staging)) {
    await rm(join(layout.staging, name), { recursive: true, force: true });
  }
}

async function assertDirectory(path: string): Promise<void> {
  try {
    const found = await lstat(path);
    if (found.isDirectory()) return;
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) throw error;
    throw new Problem('bad-layout', `the directory ${path} is missing`, 'create it, or mount what belongs there');
  }
  throw new Problem('bad-layout', `${path} is not a directory`);
}

export function newStagingPath(layout: Layout, revision: string): string {
  return join(layout.staging, `${revision}-${randomBytes(6).toString('hex')}`);
}

/** The revision that `current` names, or an empty string. @throws Problem `bad-layout` when it is something else */
export async function readCurrent(layout: Layout): Promise<string> {
  let target: string;
  try {
    target = await readlink(layout.current);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    if (errnoOf(error) !== 'EINVAL') throw error;
    throw new Problem(
      'bad-layout',
      `${layout.current} is not a symbolic link`,
      'move it away; appmgr creates it again',
    );
  }
  const path = target.startsWith('/') ? target : join(layout.root, target);
  const revision = path.slice(layout.releases.length + 1);
  if (path.startsWith(`${layout.releases}/`) && isRevision(revision)) return revision;
  throw new Problem('bad-layout', `${layout.current} points to ${JSON.stringify(target)}, which is not a release`);
}

/** Switches `current` to a release in one step: a process that opens it sees the old release or the new one. */
export async function switchCurrent(layout: Layout, revision: string): Promise<void> {
  const target = join('releases', revision);
  assertRevision(revision);
  const fresh = join(layout.staging, `current-${randomBytes(6).toString('hex')}`);
  await symlink(target, fresh);
  await rename(fresh, layout.current);
  await syncDirectory(layout.root);
}

/** Whether the directory of that release exists, marked or not. One that was emptied holds no release any more. */
export async function isPlaced(layout: Layout, revision: string): Promise<boolean> {
  const path = layout.release(revision);
  try {
    return (await lstat(path)).isDirectory() && !(await isEmpty(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** One of a person that this user may not list counts as not empty. */
async function isEmpty(path: string): Promise<boolean> {
  try {
    await using directory = await opendir(path);
    return (await directory.read()) === null;
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return false;
    throw error;
  }
}

/** The sum of the artifact that was unpacked as a revision; undefined when it is missing or not whole. */
export async function readMarker(layout: Layout, revision: string): Promise<string | undefined> {
  const sum = await markedSum(layout, revision);
  return sum !== undefined && (await isPlaced(layout, revision)) ? sum : undefined;
}

/** The sum in the marker of a revision, whatever is left of its directory; undefined if appmgr did not unpack it. */
export async function markedSum(layout: Layout, revision: string): Promise<string | undefined> {
  try {
    const sum = (JSON.parse(await readFile(layout.marker(revision), 'utf8')) as { sha256?: unknown }).sha256;
    return typeof sum === 'string' ? sum : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Moves a whole release from staging into place and marks it; an unmarked rest there is removed. */
export async function placeRelease(layout: Layout, staged: string, revision: string, sha256: string): Promise<void> {
  await removeRelease(layout, revision);
  await rename(staged, layout.release(revision));
  await syncDirectory(layout.releases);
  await replaceFile(layout.marker(revision), `${JSON.stringify({ sha256 })}\n`);
}

/** The marker is removed first, so that half a release never counts as a whole one. */
export async function removeRelease(layout: Layout, revision: string): Promise<void> {
  await rm(layout.marker(revision), { force: true });
  await syncDirectory(layout.releases);
  const trash = newStagingPath(layout, revision);
  try {
    await rename(layout.release(revision), trash);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(trash, { recursive: true, force: true });
}

import { access, constants, rm } from 'node:fs/promises';
import { errnoOf, Problem } from '../../../core/errors.ts';
import { assertArtifact, verifyArtifact } from '../artifact/artifact.ts';
import type { ApplicationConfig } from '../config.ts';
import { explainDisk } from './disk.ts';
import {
  assertRevision,
  assertRoot,
  isPlaced,
  type Layout,
  layoutOf,
  newStagingPath,
  placeRelease,
  prepareLayout,
  readCurrent,
  readMarker,
  switchCurrent,
} from './layout.ts';
import { placedReleases, pruneReleases } from './prune.ts';
import { hasArtifact, readExpectedSum } from '../artifact/locate.ts';
import type { KnownRelease, Releases, Work } from './releases.ts';
import { linkShared } from '../activate/shared-paths.ts';
import { type ArtifactSource, sourceOf } from '../artifact/source.ts';
import { assertSpace } from './space.ts';
import { readState, writeState } from './state.ts';
import { unpack } from '../artifact/unpack.ts';

/** Releases that are unpacked from artifacts into ROOT/releases; `current` is a link to the one in service. */
export function archiveStore(application: ApplicationConfig, root: string, stateDirectory: string): Releases {
  const layout = layoutOf(root);
  const source = sourceOf(application, stateDirectory);
  const { shared, keep } = application;
  return {
    root,
    directory: layout.release,
    assertUsable: () => assertRoot(layout),
    assertWritable: () => access(root, constants.W_OK),
    tidy: () => prepareLayout(layout),
    current: () => readCurrent(layout),
    readState: () => readState(layout.state),
    writeState: (state) => writeState(layout.state, state),
    has: async (revision, signal) =>
      (await readMarker(layout, revision)) !== undefined || hasArtifact(source, revision, signal),
    isPlaced: (revision) => isPlaced(layout, revision),
    known: () => knownReleases(layout),
    isPrepared: (revision, again, { signal }) => isPrepared(layout, source, revision, again, signal),
    rehearse: (revision, { signal }) => assertArtifact(source, revision, signal),
    prepare: async (revision, again, work) => {
      if (!(await isPrepared(layout, source, revision, again, work.signal))) {
        await bring(layout, source, application, revision, work);
      } else await linkShared(layout, layout.release(revision), shared);
    },
    switchTo: async (revision, from, { progress }) => {
      if ((await readCurrent(layout)) === revision) return;
      progress(`switching from ${from === '' ? 'nothing' : from} to ${revision}`);
      await switchCurrent(layout, revision);
    },
    prune: (state, protectedRevision) => pruneReleases(layout, state, protectedRevision, keep),
  };
}

/**
 * Whether the release is on the disk as it was published. It is not if its artifact was published again since.
 * @throws Problem `revision-changed` when it was, and the old one serves: it cannot be replaced under the service
 */
async function isPrepared(
  layout: Layout,
  source: ArtifactSource,
  revision: string,
  again: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  assertRevision(revision);
  const unpacked = await readMarker(layout, revision);
  const published = await publishedSum(source, revision, unpacked, again, signal);
  if (revision === (await readCurrent(layout)) && (await isPlaced(layout, revision))) {
    if (unpacked === undefined || published === undefined || unpacked === published) return true;
    throw new Problem(
      'revision-changed',
      `revision ${revision} of “${source.application}” serves, and its artifact has changed since`,
      'publish it under a new revision',
    );
  }
  return unpacked !== undefined && (published === undefined || unpacked === published);
}

/** Undefined when it is no longer published; a fetched release does not wait for a server that may be down. */
async function publishedSum(
  source: ArtifactSource,
  revision: string,
  unpacked: string | undefined,
  again: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (unpacked === undefined || (!again && source.artifacts.startsWith('https:'))) return unpacked;
  return (await hasArtifact(source, revision, signal)) ? readExpectedSum(source, revision, signal) : undefined;
}

/**
 * Brings the whole release to the disk.
 * @throws Problem as {@link verifyArtifact} and {@link unpack} do, and `missing-shared`
 */
async function bring(
  layout: Layout,
  source: ArtifactSource,
  { max_size: maxSize, max_entries: maxEntries, outside_links: outsideLinks, shared }: ApplicationConfig,
  revision: string,
  { signal, progress }: Work,
): Promise<void> {
  progress(`checking the sum of revision ${revision}`);
  const packed = newStagingPath(layout, `${revision}.tar.gz`);
  const staged = newStagingPath(layout, revision);
  try {
    const artifact = await verifyArtifact(source, revision, packed, signal);
    try {
      await assertSpace(layout.root, artifact.handle, artifact.size);
      progress(`unpacking revision ${revision}`);
      await unpack(artifact.handle, staged, { maxSize, maxEntries, outsideLinks }, signal);
    } catch (error) {
      // While the copy still uses its space: afterwards the disk no longer looks full.
      throw await explainDisk(error, layout.root);
    } finally {
      await artifact.handle.close();
    }
    await linkShared(layout, staged, shared);
    await placeRelease(layout, staged, revision, artifact.sha256);
  } catch (error) {
    throw await explainDisk(error, layout.root);
  } finally {
    await rm(packed, { force: true });
    await rm(staged, { recursive: true, force: true });
  }
}

async function knownReleases(layout: Layout): Promise<KnownRelease[]> {
  try {
    const placed = await placedReleases(layout);
    const isWhole = async (revision: string) => (await readMarker(layout, revision)) !== undefined;
    return await Promise.all(placed.map(async (one) => ({ ...one, whole: await isWhole(one.revision) })));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

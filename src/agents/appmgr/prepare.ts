import { rm } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { type ArtifactSource, hasArtifact, readExpectedSum, verifyArtifact } from './artifact.ts';
import type { ApplicationConfig } from './config.ts';
import { isPlaced, type Layout, newStagingPath, placeRelease, readMarker } from './layout.ts';
import { assertSpace } from './space.ts';
import { unpack } from './unpack.ts';

export interface Preparation {
  readonly application: ApplicationConfig;
  readonly layout: Layout;
  readonly revision: string;
  readonly current: string;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

export function sourceOf({ name, artifacts }: ApplicationConfig): ArtifactSource {
  return { application: name, directory: artifacts };
}

/**
 * Whether the release is on the disk as it was published. It is not when its artifact was published anew since.
 * @throws Problem `revision-changed` when it was, and the old one serves: it can't be replaced under the service
 */
export async function isPrepared({ application, layout, revision, current }: Preparation): Promise<boolean> {
  const unpacked = await readMarker(layout, revision);
  const published = (await hasArtifact(sourceOf(application), revision))
    ? await readExpectedSum(sourceOf(application), revision)
    : undefined;
  if (revision === current && (await isPlaced(layout, revision))) {
    if (unpacked === undefined || published === undefined || unpacked === published) return true;
    throw new Problem(
      'revision-changed',
      `revision ${revision} of “${application.name}” serves, and its artifact is another one by now`,
      'publish it under a new revision',
    );
  }
  return unpacked !== undefined && (published === undefined || unpacked === published);
}

/**
 * Brings the release to the disk, whole, unless it is there.
 * @throws Problem `unknown-revision`, `bad-checksum`, `bad-artifact`, `bad-archive`, `unsafe-archive`,
 * `archive-too-large`, `no-space`, `revision-changed`
 */
export async function prepareRelease(preparation: Preparation): Promise<void> {
  const { application, layout, revision, signal, progress } = preparation;
  if (await isPrepared(preparation)) return;
  progress(`checking the sum of revision ${revision}`);
  const artifact = await verifyArtifact(sourceOf(application), revision, signal);
  const staged = newStagingPath(layout, revision);
  try {
    await assertSpace(layout.root, artifact.handle, artifact.size);
    progress(`unpacking revision ${revision}`);
    const limits = { maxSize: application.max_size, maxEntries: application.max_entries };
    await unpack(artifact.handle, staged, limits, signal);
    await artifact.assertUntouched();
    await placeRelease(layout, staged, revision, artifact.sha256);
  } catch (error) {
    throw explainDisk(error, layout.root);
  } finally {
    await artifact.handle.close();
    await rm(staged, { recursive: true, force: true });
  }
}

/** What a file system says, as a Problem. */
export function explainDisk(error: unknown, root: string): unknown {
  const code = errnoOf(error);
  if (error instanceof Problem || !/^E[A-Z0-9]+$/.test(code)) return error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new Problem(
    full ? 'no-space' : 'disk-error',
    `the release cannot be written below ${root}: ${explainErrno(error)}`,
    full ? 'free some space, or keep fewer releases' : '',
    { cause: error },
  );
}

import { errnoOf } from '../../core/errors.ts';
import { hasArtifact } from './artifact.ts';
import type { ApplicationConfig } from './config.ts';
import { checkHealth, type Health } from './health.ts';
import { assertRevision, type Layout, layoutOf, readCurrent, readMarker } from './layout.ts';
import { sourceOf } from './prepare.ts';
import { listReleases } from './prune.ts';
import { readState, settleState } from './state.ts';

export interface ApplicationStatus {
  readonly application: string;
  /** What serves; empty for none. */
  readonly revision: string;
  /** What served before that one; empty for none. */
  readonly previous: string;
  readonly healthy: boolean;
  readonly health: string;
  readonly releases: string[];
  readonly has_revision: boolean;
}

/** Milliseconds. */
const look = 5000;

/** What serves, how it does, and whether a revision could be brought in here. */
export async function readStatus(
  application: ApplicationConfig,
  revision: string | undefined,
  signal: AbortSignal,
): Promise<ApplicationStatus> {
  const layout = layoutOf(application.root);
  const current = await readCurrent(layout);
  const [health, releases, has, previous] = await Promise.all([
    healthOf(application, current, signal),
    releasesOf(layout),
    revision === undefined ? false : hasRevision(application, layout, revision),
    previousOf(layout, current),
  ]);
  return {
    application: application.name,
    revision: current,
    previous,
    healthy: health.healthy && current !== '',
    health: current === '' ? 'no release serves' : health.words,
    releases,
    has_revision: has,
  };
}

/** A damaged state is told of by an upgrade; here it only means that nothing is known. */
async function previousOf(layout: Layout, current: string): Promise<string> {
  const known = await readState(layout).catch(() => undefined);
  const { confirmed, before } = settleState(known, current);
  return confirmed === current ? before : confirmed;
}

async function healthOf({ health }: ApplicationConfig, current: string, signal: AbortSignal): Promise<Health> {
  if (health === undefined) return { healthy: true, words: 'no health check is configured' };
  return checkHealth(health, current, Math.min(look, health.timeout * 1000), signal);
}

async function hasRevision(application: ApplicationConfig, layout: Layout, revision: string): Promise<boolean> {
  assertRevision(revision);
  return (await readMarker(layout, revision)) !== undefined || hasArtifact(sourceOf(application), revision);
}

async function releasesOf(layout: Layout): Promise<string[]> {
  try {
    return (await listReleases(layout)).map(({ revision }) => revision);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

import { Problem } from '../../../core/errors.ts';
import type { Health } from '../health/found.ts';
import { assertRevision } from '../release/layout.ts';
import type { Application } from '../application.ts';
import { type ReleaseState, settleState } from '../release/state.ts';

export interface ApplicationStatus {
  readonly application: string;
  /** The serving release; empty for none. */
  readonly revision: string;
  /** The release before that; empty for none. */
  readonly previous: string;
  readonly healthy: boolean;
  readonly health: string;
  readonly releases: string[];
  readonly has_revision: boolean;
  /** Milliseconds since the epoch, with the caller and the run that activated it; omitted if unknown. */
  readonly since?: number;
  readonly caller?: string;
  readonly run?: string;
}

/** Milliseconds for a check of the serving release. */
const longestLook = 5000;

/** The serving release, its health, and whether a revision could be activated here. */
export async function readStatus(
  application: Application,
  revision: string | undefined,
  signal: AbortSignal,
): Promise<ApplicationStatus> {
  const { config, releases } = application;
  if (revision !== undefined) assertRevision(revision);
  const current = await releases.current();
  const [health, known, has, state] = await Promise.all([
    checkHealth(application, current, signal),
    releases.known(),
    revision === undefined ? false : releases.has(revision, signal),
    stateOf(application, current),
  ]);
  const { confirmed, before, origin } = state;
  return {
    application: config.name,
    revision: current,
    previous: confirmed === current ? before : confirmed,
    healthy: health.healthy && current !== '',
    health: current === '' ? 'no release serves' : health.words,
    releases: known.map((one) => one.revision),
    has_revision: has,
    ...(confirmed === current ? origin : {}),
  };
}

/** Of each application of the node: the first one's status, with all of them in `applications`. */
export async function readAll(
  all: readonly Application[],
  revision: string | undefined,
  signal: AbortSignal,
): Promise<ApplicationStatus & { readonly applications: ApplicationStatus[] }> {
  const applications = await Promise.all(all.map((application) => readStatus(application, revision, signal)));
  const [first] = applications;
  if (first === undefined) throw new Problem('unknown-application', 'this node has no application');
  return { ...first, applications };
}

/** An upgrade reports a damaged state; here it counts as unknown. */
async function stateOf({ releases }: Application, current: string): Promise<ReleaseState> {
  return settleState(await releases.readState().catch(() => undefined), current);
}

/** One check of the release in service. Without its directory it is not healthy, whatever still answers. */
export async function checkHealth(
  { health, releases }: Application,
  revision: string,
  signal: AbortSignal,
): Promise<Health> {
  if (revision !== '' && !(await releases.isPlaced(revision)))
    return { healthy: false, words: `the directory ${releases.directory(revision)} is missing or empty` };
  if (health === undefined) return { healthy: true, words: 'no health check is configured' };
  return health.ask(revision, Math.min(longestLook, health.timeout * 1000), signal);
}

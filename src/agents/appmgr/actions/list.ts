import type { Application } from '../application.ts';
import { settleState } from '../release/state.ts';

export interface ListedRelease {
  readonly revision: string;
  /** Milliseconds since the epoch of its arrival; 0 if unknown. */
  readonly since: number;
  readonly whole: boolean;
}

export interface ReleaseList {
  readonly application: string;
  /** The serving release; empty for none. */
  readonly revision: string;
  /** The target of a rollback; empty for none. */
  readonly previous: string;
  /** The release that was being activated when a call was cut off; empty for none. */
  readonly unfinished: string;
  readonly releases: ListedRelease[];
}

/** The releases on the node, the oldest first. */
export async function listReleases({ config, releases }: Application): Promise<ReleaseList> {
  const current = await releases.current();
  const { confirmed, before, pending } = settleState(await releases.readState(), current);
  const known = await releases.known();
  return {
    application: config.name,
    revision: current,
    previous: current === confirmed ? before : confirmed,
    unfinished: pending,
    releases: known.map(({ revision, since, whole }) => ({ revision, since: Math.trunc(since), whole })),
  };
}

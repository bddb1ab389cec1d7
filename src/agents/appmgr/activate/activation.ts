import type { Application } from '../application.ts';
import type { Work } from '../release/releases.ts';
import type { ReleaseState } from '../release/state.ts';

/** A release that is being activated. */
export interface Activation {
  readonly application: Application;
  readonly revision: string;
  /** The release in service when the call began; empty for none. */
  readonly current: string;
  readonly state: ReleaseState;
  /** The state once the revision is confirmed. */
  readonly confirmed: ReleaseState;
  readonly work: Work;
}

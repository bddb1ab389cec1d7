import type { Application } from '../application.ts';
import type { Work } from '../release/releases.ts';
import type { ReleaseState } from '../release/state.ts';

/** A release that is put into service. */
export interface Activation {
  readonly application: Application;
  readonly revision: string;
  /** What was in service when the call began; empty for none. */
  readonly current: string;
  readonly state: ReleaseState;
  /** The state once the revision has proven itself. */
  readonly confirmed: ReleaseState;
  readonly work: Work;
}

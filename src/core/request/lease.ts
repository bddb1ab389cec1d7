/** Leases: what a node knows of who may change it now, as far as the pipeline asks. */
import type { Problem } from '../errors.ts';

/** The lease that a request says it works under, and who says so. */
export interface LeaseClaim {
  readonly lease: string;
  /** The number that the node gave when the lease was taken. */
  readonly fence: number;
  /** `cert=NAME` */
  readonly caller: string;
  readonly runId: string;
}

export interface Leases {
  /** Why a request under this lease must not go on, or undefined: Problem `stale-lease`. */
  readonly check: (claim: LeaseClaim) => Problem | undefined;
}

/** Names of leases, such as `app/bravo`. */
export const leaseNamePattern = '^[A-Za-z0-9_.:@-]{1,100}(/[A-Za-z0-9_.:@-]{1,100}){0,3}$';

/** Leases, as the pipeline sees them: who may change the node now. */
import { comparableText } from '../filter/literal.ts';
import type { Problem } from '../errors.ts';

/** The lease that a request claims, and its claimant. */
export interface LeaseClaim {
  readonly lease: string;
  /** The number that the node gave when the lease was taken. */
  readonly fence: number;
  /** `cert=NAME` */
  readonly caller: string;
  readonly runId: string;
}

export interface Leases {
  /** Why a request under this lease is refused, or undefined: Problem `stale-lease`. */
  readonly check: (claim: LeaseClaim) => Problem | undefined;
}

/** Names of leases, such as `bravo` or `app,static`: parts separated by `/`, each a name, a list of names, or `*` for all. */
export const leaseNamePattern = '^[A-Za-z0-9_.:@,*-]{1,100}(/[A-Za-z0-9_.:@,*-]{1,100}){0,3}$';

/** Whether two leases overlap: each part of one shares a name with the same part of the other. */
export function leasesOverlap(one: string, other: string): boolean {
  const [parts, others] = [one.split('/'), other.split('/')];
  return parts.length === others.length && parts.every((part, index) => sharesName(part, others[index] ?? ''));
}

/** Runs over `bravo` and `Bravo` exclude each other: filters find the same nodes for both. */
function sharesName(one: string, other: string): boolean {
  if (one === '*' || other === '*') return true;
  const names = new Set(other.split(',').map(comparableText));
  return one.split(',').some((name) => names.has(comparableText(name)));
}

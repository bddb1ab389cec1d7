/** A lease and the rules while it lives. Pure: times are inputs, nothing is stored here. */
import { Problem } from '../../core/errors.ts';
import type { LeaseClaim } from '../../core/request/lease.ts';

export interface Lease {
  readonly name: string;
  /** Higher than that of every earlier lease of this node. */
  readonly fence: number;
  readonly caller: string;
  readonly runId: string;
  /** Claimed by the holder. */
  readonly from: string;
  /** Milliseconds since the epoch, only for display. */
  readonly since: number;
  /** Milliseconds. */
  readonly ttl: number;
  /** By the monotonic clock (milliseconds): when it ends unless it is renewed. */
  readonly ends: number;
}

/** @param current a lease that lives @throws Problem `lease-held`: its holder, since when, from where, and for how long at most */
export function assertFree(
  current: Lease | undefined,
  claimant: { caller: string; runId: string },
  clock: number,
): void {
  if (current === undefined || isHolder(current, claimant)) return;
  const { name, caller, runId, from, since, ends } = current;
  const where = from === '' ? '' : ` from ${from}`;
  const left = Math.ceil((ends - clock) / 1000);
  throw new Problem(
    'lease-held',
    `the lease “${name}” is held by ${caller}${where} for run ${runId} since ${new Date(since).toISOString()}`,
    `wait for it with --lock-wait SECONDS; it ends by itself ${left} s after its holder is gone`,
  );
}

/** Why a request under this lease is refused, or undefined. @param current the lease of that name that lives */
export function judgeClaim(current: Lease | undefined, claim: LeaseClaim): Problem | undefined {
  const stale = (why: string) => {
    const hint = 'nothing was done; check “mco-deploy locks”, then resume the run';
    return new Problem('stale-lease', `the lease “${claim.lease}” ${why}`, hint);
  };
  if (current === undefined) return stale('has ended or was broken');
  if (!isHolder(current, claim)) return stale('is held by another run now');
  if (current.fence === claim.fence) return undefined;
  return stale(`was taken again: ${claim.fence} is no longer its number`);
}

/** One run of one caller; a call without a run id has no owner. */
function isHolder(current: Lease, { caller, runId }: { caller: string; runId: string }): boolean {
  return runId !== '' && current.runId === runId && current.caller === caller;
}

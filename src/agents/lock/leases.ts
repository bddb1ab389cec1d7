import type { ActionContext } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { type LeaseClaim, leasesOverlap } from '../../core/request/lease.ts';
import { isBeyondShare } from '../../core/shares.ts';
import type { LockConfig } from './config.ts';
import { assertFree, judgeClaim, type Lease } from './lease.ts';
import { readLocks, stateFile, writeLocks } from './state.ts';

/** Milliseconds of a monotonic clock. */
export type Clock = () => number;

/** This node's leases: on the disk before anybody receives them. Its changes must not run at the same time. */
export interface Leases {
  /** The current lease with that name. */
  readonly find: (name: string) => Lease | undefined;
  /** All current ones, except the one with that name. */
  readonly others: (name: string) => Lease[];
  /** The number of the next lease. */
  readonly nextFence: () => number;
  /** @throws Problem `unwritable-state` */
  readonly write: (fence: number, leases: readonly Lease[]) => Promise<void>;
  /** Ends a lease: it has ended even if this throws. @throws Problem `unwritable-state` */
  readonly end: (name: string) => Promise<void>;
  /** When the next lease ends, or when one has ended that is still on the disk, by the clock; undefined if there is none. */
  readonly nextEnd: () => number | undefined;
  /** Takes leases that have expired off the disk. @throws Problem `unwritable-state` */
  readonly forgetExpired: () => Promise<void>;
  /** Moves the end of a lease. Not written to the disk: after a restart a lease lives for its full time anyway. */
  readonly extend: (lease: Lease, milliseconds: number) => void;
  /** Why a request under a lease must be refused; undefined if it may run. */
  readonly check: (claim: LeaseClaim) => Problem | undefined;
  readonly clock: Clock;
}

/** @throws Problem `bad-state` */
export async function openLeases(directory: string, clock: Clock): Promise<Leases> {
  const file = stateFile(directory);
  let { fence, leases } = await readLocks(file, clock());
  // The one place where a lease expires: all other code sees only live leases.
  const living = () => leases.filter(({ ends }) => ends > clock());
  const others = (but: string) => living().filter(({ name }) => name !== but);
  const find = (wanted: string) => living().find(({ name }) => name === wanted);
  const write = async (nextFence: number, next: readonly Lease[]) => {
    await writeLocks(file, { fence: nextFence, leases: next });
    fence = nextFence;
    leases = next;
  };
  return {
    find,
    others,
    nextFence: () => fence + 1,
    write,
    end: async (name) => {
      // At once, even if the disk fails: a lease that stays on it only returns after a restart, for its own time.
      leases = others(name);
      await write(fence, leases);
    },
    nextEnd: () => leases.reduce<number | undefined>((next, { ends }) => Math.min(ends, next ?? ends), undefined),
    forgetExpired: async () => {
      const left = living();
      if (left.length === leases.length) return;
      // Here at once, as above: what a disk does not take is not tried again and again.
      leases = left;
      await write(fence, left);
    },
    extend: (lease, ttl) => {
      const extended = { ...lease, ttl, ends: clock() + ttl };
      leases = leases.map((one) => (one === lease ? extended : one));
    },
    check: (claim) => judgeClaim(find(claim.lease), claim),
    clock,
  };
}

/** @throws Problem `no-run`, `bad-ttl`, `lease-held`, `too-many-leases`, `unwritable-state` */
export async function takeLease(
  leases: Leases,
  config: LockConfig,
  { name, ttl, from = '' }: { name: string; ttl: number; from?: string },
  context: ActionContext,
) {
  const { caller, runId, dryRun } = context;
  if (runId === '') throw new Problem('no-run', 'a lease is taken for a run, and the request names none');
  assertTime(ttl, config);
  const now = leases.clock();
  const lease = leases.find(name);
  assertFree(lease, context, now);
  const others = leases.others(name);
  for (const other of others) if (leasesOverlap(other.name, name)) assertFree(other, context, now);
  if (others.length >= config.max_leases) {
    throw new Problem('too-many-leases', `there are ${others.length} leases already`, 'see “mco-deploy locks”');
  }
  const own = others.filter((other) => other.caller === caller).length;
  if (lease === undefined && isBeyondShare(config.max_leases, others.length, own)) {
    const what = `${caller} has ${own} of ${others.length} leases: the last quarter is for others`;
    throw new Problem('too-many-leases', what, 'see “mco-deploy locks”');
  }
  if (dryRun) return { name, fence: 0, since: Date.now() };
  const since = lease?.since ?? Date.now();
  const fence = leases.nextFence();
  const taken = { name, fence, caller, runId, from, since, ttl: ttl * 1000, ends: now + ttl * 1000 };
  await leases.write(fence, [...others, taken]);
  return { name, fence, since };
}

/** @throws Problem `bad-ttl` */
export function assertTime(ttl: number, { max_ttl }: LockConfig): void {
  if (ttl <= max_ttl) return;
  throw new Problem('bad-ttl', `a lease may last ${max_ttl} s here, and ${ttl} s were requested`);
}

/** The lease with that name and number, which the caller's run must hold. @throws Problem `stale-lease` */
export function requireHeld(leases: Leases, name: string, fence: number, { caller, runId }: ActionContext): Lease {
  const lease = leases.find(name);
  const problem = leases.check({ lease: name, fence, caller, runId });
  if (problem !== undefined || lease === undefined) throw problem ?? new Problem('stale-lease', 'there is no lease');
  return lease;
}

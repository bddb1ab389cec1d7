import { defineMutex } from '../../core/concurrency.ts';
import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import type { LockConfig } from './config.ts';
import { lockDdl } from './ddl.ts';
import { assertFree, judgeClaim, type Lease } from './lease.ts';
import { readLocks, stateFile, writeLocks } from './state.ts';

/** Milliseconds by a clock that nobody can set. */
export type Clock = () => number;

/** Keeps this node’s leases: on the disk before anybody is told of them. */
export async function startLock(
  { config, stateDirectory }: AgentSetup<LockConfig>,
  clock: Clock = () => performance.now(),
): Promise<Agent> {
  const file = stateFile(stateDirectory);
  let { fence, leases } = await readLocks(file, clock());
  const find = (name: string) => leases.find((lease) => lease.name === name && lease.ends > clock());
  const living = (but: string) => leases.filter(({ name, ends }) => name !== but && ends > clock());
  const keep = async (nextFence: number, next: readonly Lease[]) => {
    await writeLocks(file, { fence: nextFence, leases: next });
    fence = nextFence;
    leases = next;
  };
  // One change of the leases at a time.
  const inTurn = defineMutex();
  const assertTime = (ttl: number) => {
    if (ttl <= config.max_ttl) return;
    throw new Problem('bad-ttl', `a lease may live ${config.max_ttl} s here, ${ttl} s were asked for`);
  };

  const take = async (
    { name, ttl, from = '' }: { name: string; ttl: number; from?: string },
    context: ActionContext,
  ) => {
    const { caller, runId, dryRun } = context;
    if (runId === '') throw new Problem('no-run', 'a lease is taken for a run, and the request names none');
    assertTime(ttl);
    const held = find(name);
    assertFree(held, context, clock());
    const others = living(name);
    if (others.length >= config.max_leases) {
      throw new Problem('too-many-leases', `there are ${others.length} leases already`, 'see “mco-deploy locks”');
    }
    if (dryRun) return { name, fence: 0, since: Date.now() };
    const since = held?.since ?? Date.now();
    const taken = { name, fence: fence + 1, caller, runId, from, since, ttl: ttl * 1000, ends: clock() + ttl * 1000 };
    await keep(taken.fence, [...others, taken]);
    return { name, fence: taken.fence, since };
  };
  /** @throws Problem `stale-lease` */
  const requireHeld = (name: string, number: number, { caller, runId }: ActionContext): Lease => {
    const held = find(name);
    const problem = judgeClaim(held, { lease: name, fence: number, caller, runId }, clock());
    if (problem !== undefined || held === undefined) throw problem ?? new Problem('stale-lease', 'there is no lease');
    return held;
  };

  return {
    leases: { check: (claim) => judgeClaim(find(claim.lease), claim, clock()) },
    handlers: defineHandlers(lockDdl, {
      take: (input, context) => inTurn(() => take(input, context)),
      // Not written to the disk: after a restart a lease lives for its whole time anyway.
      renew: ({ name, fence: number, ttl }, context) =>
        inTurn(async () => {
          assertTime(ttl);
          const held = requireHeld(name, number, context);
          const renewed = { ...held, ttl: ttl * 1000, ends: clock() + ttl * 1000 };
          leases = leases.map((lease) => (lease === held ? renewed : lease));
          return { name };
        }),
      release: ({ name, fence: number }, context) =>
        inTurn(async () => {
          const held = find(name);
          if (held?.fence !== number) return { released: false };
          requireHeld(name, number, context);
          await keep(fence, living(name));
          return { released: true };
        }),
      break: ({ name }) =>
        inTurn(async () => {
          const held = find(name);
          if (held === undefined) return { broken: false };
          await keep(fence, living(name));
          return { broken: true, caller: held.caller, run: held.runId, from: held.from, since: held.since };
        }),
      list: async () => ({
        leases: living('')
          .map(({ ends, runId, ttl: _ttl, ...lease }) => ({
            ...lease,
            run: runId,
            left: Math.ceil((ends - clock()) / 1000),
          }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      }),
    }),
  };
}

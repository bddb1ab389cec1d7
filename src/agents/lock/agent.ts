import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { defineMutex } from '../../core/waiting/concurrency.ts';
import type { LockConfig } from './config.ts';
import { lockDdl } from './ddl.ts';
import { watchExpiry } from './expiry.ts';
import { assertTime, type Clock, type Leases, openLeases, requireHeld, takeLease } from './leases.ts';

/** Keeps this node’s leases, one change of them at a time. */
export async function startLock(
  { config, stateDirectory, log }: AgentSetup<LockConfig>,
  clock: Clock = () => performance.now(),
): Promise<Agent> {
  const leases = await openLeases(stateDirectory, clock);
  const inTurn = defineMutex();
  const expiry = watchExpiry(leases, inTurn, log);
  return {
    leases: { check: leases.check },
    stop: expiry.stop,
    handlers: defineHandlers(lockDdl, {
      take: (input, context) => inTurn(() => takeLease(leases, config, input, context)).finally(expiry.plan),
      renew: ({ name, fence, ttl }, context) =>
        inTurn(async () => {
          assertTime(ttl, config);
          leases.extend(requireHeld(leases, name, fence, context), ttl * 1000);
          return { name };
        }),
      release: ({ name, fence }, context) =>
        inTurn(async () => {
          if (leases.find(name)?.fence !== fence) return { released: false };
          requireHeld(leases, name, fence, context);
          await leases.end(name);
          return { released: true };
        }),
      break: ({ name }) => inTurn(() => breakHeld(leases, name)),
      list: async () => ({ leases: listed(leases) }),
    }),
  };
}

async function breakHeld(leases: Leases, name: string) {
  const lease = leases.find(name);
  if (lease === undefined) return { broken: false };
  await leases.end(name);
  return { broken: true, caller: lease.caller, run: lease.runId, from: lease.from, since: lease.since };
}

function listed({ others, clock }: Leases) {
  return others('')
    .map(({ ends, runId, ttl: _ttl, ...lease }) => ({ ...lease, run: runId, left: Math.ceil((ends - clock()) / 1000) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What becomes of the holds of hosts that are put in: each ends once its host is in, and by nothing else. */
import type { ActionContext } from '../../../core/agent.ts';
import { beginHold, endHold, type HeldHost } from '../maintenance/held-hosts.ts';
import type { ScopedHost } from '../servers/scope.ts';
import { inMaintenance } from '../servers/state.ts';
import { affectedLines, type LoadBalancer, namesOf, type Request } from './request.ts';

export function heldOf(held: readonly HeldHost[], { name }: ScopedHost): HeldHost | undefined {
  return held.find(({ host }) => host === name);
}

/** From here on the watch leaves these hosts alone. */
export async function openHolds({ watch }: LoadBalancer, hosts: readonly ScopedHost[]): Promise<void> {
  const held = watch.hosts();
  const entering = hosts.flatMap((host): HeldHost[] => {
    const one = heldOf(held, host);
    if (one === undefined) return [];
    const { outSince: _over, ...rest } = one;
    return [{ ...rest, stage: 'entering' }];
  });
  await watch.put(entering);
}

/** After a failure: what is still on its way in stays held, and the watch looks after it again. */
export async function keepHolds({ watch }: LoadBalancer, hosts: readonly ScopedHost[]): Promise<void> {
  const held = watch.hosts();
  const left = hosts.flatMap((host) => heldOf(held, host) ?? []).filter(({ stage }) => stage === 'entering');
  await watch.put(left.map((one) => ({ ...one, stage: 'out' })));
}

/** What was in maintenance when the call began is in it again, and held from now on. */
export async function holdAgain(
  { watch }: LoadBalancer,
  { narrowing }: Request,
  hosts: readonly ScopedHost[],
  context: ActionContext,
): Promise<void> {
  const held = watch.hosts();
  const out = hosts.filter(
    (host) => heldOf(held, host) !== undefined || host.chosen.some(({ server }) => inMaintenance(server)),
  );
  await watch.put(out.map((host) => ({ ...beginHold(host, narrowing, heldOf(held, host), context), stage: 'out' })));
}

/** What of the hosts is held outside of what the call was narrowed to stays held. */
export async function releaseHolds(
  { watch }: LoadBalancer,
  request: Request,
  hosts: readonly ScopedHost[],
): Promise<void> {
  const held = watch.hosts();
  const left = hosts.flatMap((host) => {
    const one = heldOf(held, host);
    return one === undefined ? [] : (endHold(one, affectedLines(host), request.narrowing) ?? []);
  });
  const gone = namesOf(hosts).filter((name) => !left.some(({ host }) => host === name));
  if (left.length > 0) await watch.put(left);
  await watch.remove(gone);
}

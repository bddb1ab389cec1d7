/** The holds of hosts that are being put in: each ends only once its host is in. */
import type { ActionContext } from '../../../core/agent.ts';
import { beginHold, endHold, type HeldHost, heldOnly, isSameName } from '../maintenance/held-hosts.ts';
import type { ServerLine } from '../servers/line.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { inMaintenance } from '../servers/state.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { namesOf } from '../actions/report.ts';
import type { Request } from '../actions/change-request.ts';

export function heldOf(held: readonly HeldHost[], host: ScopedHost): HeldHost | undefined {
  return held.find((one) => one.host === host.name) ?? held.find((one) => isAlias(one, host));
}

/** The holds that end when the host is in. */
function holdsOf(held: readonly HeldHost[], host: ScopedHost): HeldHost[] {
  return held.filter((one) => one.host === host.name || isAlias(one, host));
}

/**
 * Whether it is a hold of the same host under another name (its address, the name of its line): all its lines are lines
 * of the host. Such a hold would take the host out again.
 */
function isAlias({ lines }: HeldHost, host: ScopedHost): boolean {
  const affected = affectedLines(host);
  return lines.length > 0 && lines.every((one) => affected.some((line) => isSameName(one, line)));
}

/** From here on the watch leaves these hosts alone. */
export async function openHolds({ watch }: LoadBalancer, hosts: readonly ScopedHost[]): Promise<void> {
  const held = watch.hosts();
  const entering = hosts.flatMap((host) =>
    holdsOf(held, host).map(({ outSince: _over, ...rest }): HeldHost => ({ ...rest, stage: 'entering' })),
  );
  await watch.put(entering);
}

/** After a failure: hosts on their way in stay held, and the watch covers them again. */
export async function keepHolds({ watch }: LoadBalancer, hosts: readonly ScopedHost[]): Promise<void> {
  const held = watch.hosts();
  const left = hosts.flatMap((host) => holdsOf(held, host));
  await watch.put(left.map((one) => ({ ...one, stage: 'out' })));
}

/**
 * Hosts that were in maintenance when the call began are in it again, and held from now on: out of the backends in which
 * all their lines were out. Where one was in, it is in again.
 */
export async function holdAgain(
  { watch }: LoadBalancer,
  { narrowing }: Request,
  hosts: readonly ScopedHost[],
  context: ActionContext,
): Promise<void> {
  const held = watch.hosts();
  const again = hosts.flatMap((host) => {
    const before = heldOf(held, host);
    const wasOut = (line: ServerLine) =>
      inMaintenance(line.server) || (before !== undefined && heldOnly(before, [line]).length > 0);
    const byBackend = [...Map.groupBy(host.chosen, ({ view }) => view.backend)];
    const out = byBackend.filter(([, lines]) => lines.every(wasOut));
    const chosen = out.flatMap(([, lines]) => lines);
    if (chosen.length === 0) return [];
    const isWhole = narrowing.backends === undefined && chosen.length === host.lines.length;
    const scope = { ...narrowing, backends: isWhole ? undefined : out.map(([backend]) => backend) };
    return { ...beginHold({ ...host, chosen }, scope, before, context), stage: 'out' as const };
  });
  await watch.put(again);
}

/** Holds outside of what the call was narrowed to stay. */
export async function releaseHolds(
  { watch }: LoadBalancer,
  request: Request,
  hosts: readonly ScopedHost[],
): Promise<void> {
  const held = watch.hosts();
  const ending = hosts.map((host) => ({ host, holds: holdsOf(held, host) }));
  const left = ending.flatMap(({ host, holds }) =>
    // Where no line leads to it any more, nothing of its hold is left.
    host.lines.length === 0 ? [] : holds.flatMap((one) => endHold(one, host, request.narrowing) ?? []),
  );
  const names = [...namesOf(hosts), ...ending.flatMap(({ holds }) => holds.map(({ host }) => host))];
  const gone = names.filter((name) => !left.some(({ host }) => host === name));
  await watch.put(left);
  await watch.remove(gone);
}

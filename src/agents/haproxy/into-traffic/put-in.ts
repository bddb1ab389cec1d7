/** Puts several hosts in traffic, and checks that they stay there. */
import type { ActionContext } from '../../../core/agent.ts';
import type { Request } from '../actions/change-request.ts';
import { trackChanges } from '../actions/undo.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { agentWasOn, type HeldHost } from '../maintenance/held-hosts.ts';
import { pause } from '../runtime/mutex.ts';
import { forEach } from '../runtime/parallel.ts';
import type { Processes } from '../runtime/process.ts';
import { type BackendView, refreshViews } from '../servers/backend.ts';
import { findLine, linesOf, type ServerLine } from '../servers/line.ts';
import { haveAgentChecks, type ScopedHost } from '../servers/scope.ts';
import { adminStateOf } from '../servers/state.ts';
import { heldOf, holdAgain, releaseHolds } from './enable-holds.ts';
import { defineHostEntry } from './enable-host.ts';
import { waitForAll } from './enable-wait.ts';

export interface Entering {
  readonly hosts: readonly ScopedHost[];
  /** The processes as they were before the call. */
  readonly known: Processes;
}

/** How many times to put in a host that its agent-check takes out again at once. */
const tries = 3;

/**
 * Puts hosts in. If one of their lines has an agent-check, checks after a moment that they are still in: its next answer
 * may take them out again.
 */
export async function putInToStay(
  balancer: LoadBalancer,
  request: Request,
  { hosts: all, known }: Entering,
  context: ActionContext,
): Promise<readonly BackendView[]> {
  let hosts = all;
  for (let number = 1; ; number++) {
    const views = await putIn(balancer, request, { hosts, known }, context);
    if (number === tries || !haveAgentChecks(hosts)) return views;
    await pause(balancer.config.settle * 1000, context.signal);
    const now = linesOf(await refreshViews(request.views, context.signal).catch(() => views));
    hosts = hosts.map((host) => refreshHost(host, now)).filter(isOut);
    if (hosts.length === 0) return views;
  }
}

/** Hosts that do not come in are put back as they were, and held again. @throws Problem `server-not-up`, … */
async function putIn(
  balancer: LoadBalancer,
  request: Request,
  { hosts, known }: Entering,
  context: ActionContext,
): Promise<readonly BackendView[]> {
  const held = balancer.watch.hosts();
  const changes = trackChanges();
  const entries = hosts.map((host) =>
    defineHostEntry(host, (line) => agentBelongsOn(line, heldOf(held, host)), changes, context.signal),
  );
  try {
    await forEach(entries, (entry) => entry.begin());
    return await waitForAll(balancer, request, { entries, known }, context.signal);
  } catch (failure) {
    const isIn = entries.filter((entry) => entry.isIn()).map(({ host }) => host);
    const unfinished = hosts.filter((host) => !isIn.includes(host));
    const problem = await changes.putBack(
      failure,
      unfinished.flatMap(({ chosen }) => chosen),
    );
    // The caller must receive the first failure.
    await releaseHolds(balancer, request, isIn).catch(() => {});
    await holdAgain(balancer, request, unfinished, context).catch(() => {});
    throw problem;
  }
}

/** The host with its lines as they are now. */
function refreshHost(host: ScopedHost, now: readonly ServerLine[]): ScopedHost {
  const refresh = (lines: readonly ServerLine[]) => lines.flatMap((line) => findLine(line, now) ?? []);
  return { ...host, chosen: refresh(host.chosen), followers: refresh(host.followers) };
}

/** Whether a command keeps a line of it out. */
export function isOut({ chosen }: ScopedHost): boolean {
  return chosen.some(({ server }) => adminStateOf(server) !== 'ready');
}

/** Whether the line’s agent-check is to be on: as it was before the host was taken out. */
export function agentBelongsOn(line: ServerLine, held: HeldHost | undefined): boolean {
  const { configured, enabled } = line.server.agent;
  return configured && (enabled || agentWasOn(held?.lines ?? [], line) === true);
}

import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import { type BackendView, readBackend } from '../servers/backend.ts';
import { countAvailable, guardCapacity } from '../servers/capacity.ts';
import {
  type ChangeReport,
  formatServer,
  type LoadBalancer,
  namesOf,
  type ChangeRequest,
  type ChangeInput,
  serverOnSockets,
  readChangeRequest,
  toHeld,
  toKept,
} from './change-request.ts';
import { forEach } from '../runtime/parallel.ts';
import { inMaintenance } from '../servers/server.ts';
import { endSessions, waitForSessions } from '../servers/sessions.ts';
import { type Changes, trackChanges } from './undo.ts';

export interface DisableInput extends ChangeInput {
  readonly min_available?: number | undefined;
  /** Seconds for sessions to end; the configuration decides when left out. */
  readonly drain_timeout?: number | undefined;
  /** Whether to end by force what is left then. */
  readonly shutdown?: boolean | undefined;
}

export interface DisableReport extends ChangeReport {
  /** Sessions that were ended by force, where that was asked for. */
  readonly ended?: number;
}

/**
 * Takes servers out of traffic without cutting anybody off: no new sessions, then the end of those there are (or
 * a deadline), then maintenance, then, where asked for, the end of what is left. All servers on all sockets, or none.
 */
export async function disable(
  balancer: LoadBalancer,
  input: DisableInput,
  context: ActionContext,
): Promise<DisableReport> {
  const needed = input.shutdown === true ? (['shutdown sessions server'] as const) : [];
  const order = await readChangeRequest(balancer, input, context, needed);
  const staying = order.targets.filter(({ server }) => isOut(order.views, server));
  const leaving = order.targets.filter((target) => !staying.includes(target));
  const out = new Set(leaving.map(({ server }) => server));
  const left = guardCapacity(order.views, out, input.min_available ?? balancer.config.min_available);
  const report = { backend: order.backend, changed: namesOf(leaving), unchanged: namesOf(staying) };
  if (context.dryRun) return { ...report, available: left };
  // Held first: from its first moment in maintenance a server is to stay there.
  await balancer.hold.add([...toHeld(order, leaving, context), ...toKept(order, staying)]);
  const after =
    leaving.length === 0 ? order.views : await takeOut(balancer, { ...order, targets: leaving }, input, context);
  // Of those that were out already, too: a second call with “shutdown” ends what the first one left.
  const ended = input.shutdown === true ? { ended: await endSessions(balancer, order, context) } : {};
  return { ...report, available: countAvailable(after), ...ended };
}

function isOut(views: readonly BackendView[], name: string): boolean {
  return serverOnSockets(views, name).every(({ server }) => inMaintenance(server));
}

async function takeOut(
  balancer: LoadBalancer,
  request: ChangeRequest,
  { drain_timeout: seconds = balancer.config.drain_timeout }: DisableInput,
  context: ActionContext,
): Promise<BackendView[]> {
  const changes = trackChanges();
  try {
    await setAll(changes, request, 'drain', context.signal);
    await waitForSessions(balancer, request, seconds, context);
    await setAll(changes, request, 'maint', context.signal);
    return await verifyOut(balancer, request, context.signal);
  } catch (failure) {
    const problem = await changes.putBack(failure);
    // What failed first is what the caller must hear of.
    await balancer.hold.remove(toHeld(request, request.targets, context)).catch(() => {});
    throw problem;
  }
}

/** Sets the state of each server on each socket where it is not in maintenance yet. */
function setAll(
  changes: Changes,
  request: ChangeRequest,
  state: 'drain' | 'maint',
  signal: AbortSignal,
): Promise<void> {
  const seats = request.targets.flatMap(({ server }) => serverOnSockets(request.views, server));
  const open = seats.filter(({ server }) => !inMaintenance(server));
  return forEach(open, ({ view, server }) => changes.set(view, server.name, state, signal));
}

async function verifyOut(balancer: LoadBalancer, request: ChangeRequest, signal: AbortSignal): Promise<BackendView[]> {
  const views = await readBackend(balancer.runtimes, request.backend, signal);
  const still = request.targets.filter(
    ({ server }) => serverOnSockets(views, server).length < request.views.length || !isOut(views, server),
  );
  if (still.length === 0) return views;
  throw new Problem(
    'not-in-maintenance',
    `${still.map(formatServer).join(', ')} did not go into maintenance in the backend “${request.backend}”`,
    'see whether HAProxy was reloaded meanwhile',
  );
}

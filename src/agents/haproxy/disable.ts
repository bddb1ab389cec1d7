import type { ActionContext } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { count } from '../../core/text.ts';
import { type BackendView, readBackend } from './backend.ts';
import { countAvailable, guardCapacity } from './capacity.ts';
import {
  type ChangeReport,
  formatTarget,
  type LoadBalancer,
  namesOf,
  type Order,
  type OrderInput,
  seatsOf,
  takeOrder,
  toHeld,
} from './order.ts';
import { forEach } from './parallel.ts';
import { inMaintenance } from './server.ts';
import { pause } from './turns.ts';
import { type Changes, trackChanges } from './undo.ts';

/** Milliseconds between two looks at the sessions that are left. */
const lookEvery = 25;

export interface DisableInput extends OrderInput {
  readonly min_available?: number | undefined;
}

/**
 * Takes servers out of traffic without cutting anybody off: no new sessions, then the end of those there are (or
 * a deadline), then maintenance. All servers on all sockets, or none.
 */
export async function disable(
  balancer: LoadBalancer,
  input: DisableInput,
  context: ActionContext,
): Promise<ChangeReport> {
  const order = await takeOrder(balancer, input, context);
  const staying = order.targets.filter(({ server }) => isOut(order.views, server));
  const leaving = order.targets.filter((target) => !staying.includes(target));
  const out = new Set(leaving.map(({ server }) => server));
  const left = guardCapacity(order.views, out, input.min_available ?? balancer.config.min_available);
  const report = { backend: order.backend, changed: namesOf(leaving), unchanged: namesOf(staying) };
  if (context.dryRun) return { ...report, available: left };
  // Held first: from its first moment in maintenance a server is to stay there.
  await balancer.hold.add(toHeld(order, order.targets, context));
  if (leaving.length === 0) return { ...report, available: left };
  const after = await takeOut(balancer, { ...order, targets: leaving }, context);
  return { ...report, available: countAvailable(after) };
}

function isOut(views: readonly BackendView[], name: string): boolean {
  return seatsOf(views, name).every(({ server }) => inMaintenance(server));
}

async function takeOut(balancer: LoadBalancer, order: Order, context: ActionContext): Promise<BackendView[]> {
  const changes = trackChanges();
  try {
    await setAll(changes, order, 'drain', context.signal);
    await waitForSessions(balancer, order, context);
    await setAll(changes, order, 'maint', context.signal);
    return await verifyOut(balancer, order, context.signal);
  } catch (failure) {
    const problem = await changes.putBack(failure);
    // What failed first is what the caller must hear of.
    await balancer.hold.remove(toHeld(order, order.targets, context)).catch(() => {});
    throw problem;
  }
}

/** Sets the state of each server on each socket where it is not in maintenance yet. */
function setAll(changes: Changes, order: Order, state: 'drain' | 'maint', signal: AbortSignal): Promise<void> {
  const seats = order.targets.flatMap(({ server }) => seatsOf(order.views, server));
  const open = seats.filter(({ server }) => !inMaintenance(server));
  return forEach(open, ({ view, server }) => changes.set(view, server.name, state, signal));
}

async function waitForSessions(balancer: LoadBalancer, order: Order, context: ActionContext): Promise<void> {
  const deadline = performance.now() + balancer.config.drain_timeout * 1000;
  let told = false;
  for (;;) {
    const busy = await countSessions(balancer, order, context.signal);
    if (busy.length === 0) return;
    if (performance.now() >= deadline) {
      return context.progress(`sessions left after ${balancer.config.drain_timeout} s: ${busy.join(', ')}`);
    }
    if (!told) context.progress(`waiting for sessions to end: ${busy.join(', ')}`);
    told = true;
    await pause(lookEvery, context.signal);
  }
}

/** `dev2.devco.net: 3 sessions` for each server that has any. */
async function countSessions(balancer: LoadBalancer, order: Order, signal: AbortSignal): Promise<string[]> {
  const views = await readBackend(balancer.runtimes, order.backend, signal);
  return order.targets.flatMap((target) => {
    const sessions = seatsOf(views, target.server).reduce((sum, { server }) => sum + server.sessions, 0);
    return sessions === 0 ? [] : [`${formatTarget(target)}: ${count(sessions, 'session')}`];
  });
}

async function verifyOut(balancer: LoadBalancer, order: Order, signal: AbortSignal): Promise<BackendView[]> {
  const views = await readBackend(balancer.runtimes, order.backend, signal);
  const still = order.targets.filter(
    ({ server }) => seatsOf(views, server).length < order.views.length || !isOut(views, server),
  );
  if (still.length === 0) return views;
  throw new Problem(
    'not-in-maintenance',
    `${still.map(formatTarget).join(', ')} did not go into maintenance in the backend “${order.backend}”`,
    'see whether HAProxy was reloaded meanwhile',
  );
}

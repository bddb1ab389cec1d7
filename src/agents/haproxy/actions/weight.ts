import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import { type BackendView, readBackend } from '../servers/backend.ts';
import { countAvailable, guardCapacity } from '../servers/capacity.ts';
import {
  formatServer,
  type LoadBalancer,
  namesOf,
  type ChangeRequest,
  type ChangeInput,
  serverOnSockets,
  readChangeRequest,
} from './change-request.ts';
import { forEach } from '../runtime/parallel.ts';
import type { Server } from '../servers/server.ts';
import { trackChanges } from './undo.ts';

/** The largest weight that HAProxy takes (configuration manual, 5.2). */
const largest = 256;

export interface WeightInput extends ChangeInput {
  /** `N`, or `N%` of what the configuration file gives; only read when left out. */
  readonly weight?: string | undefined;
  readonly min_available?: number | undefined;
}

export interface WeightReport {
  readonly backend: string;
  readonly changed: string[];
  readonly unchanged: string[];
  readonly available: number;
  readonly servers: { name: string; server: string; weight: number; initial: number }[];
}

/**
 * Sets how much of a backend's traffic servers get, on all sockets or none. A weight of 0 takes a server out of traffic
 * for new sessions, which the guard of the last usable servers does not let pass.
 * @throws Problem `bad-weight`, `weight-not-set`, `too-few-servers`, …
 */
export async function weigh(balancer: LoadBalancer, input: WeightInput, context: ActionContext): Promise<WeightReport> {
  const { weight } = input;
  if (weight !== undefined) assertWeight(weight);
  const order = await readChangeRequest(balancer, input, context);
  if (weight === undefined) return reportOf(order, order.views, []);
  const changing = order.targets.filter(({ server }) =>
    serverOnSockets(order.views, server).some((seat) => seat.server.weight !== weightFor(seat.server, weight)),
  );
  const emptied = changing.filter(({ server }) =>
    serverOnSockets(order.views, server).some((seat) => weightFor(seat.server, weight) === 0),
  );
  const out = new Set(emptied.map(({ server }) => server));
  guardCapacity(order.views, out, input.min_available ?? balancer.config.min_available);
  const names = namesOf(changing);
  if (context.dryRun)
    return { ...reportOf(order, order.views, names), available: countAvailable(order.views, { out }) };
  return reportOf(order, await setAll(balancer, { ...order, targets: changing }, weight, context.signal), names);
}

function assertWeight(weight: string): void {
  const number = /^[0-9]{1,3}%?$/.test(weight) ? Number.parseInt(weight, 10) : Number.NaN;
  if (number <= largest) return;
  throw new Problem('bad-weight', `“${weight}” is no weight`, `give 0 to ${largest}, or as much percent`);
}

/** What HAProxy makes of it: a percentage is of the initial weight, and rounded down. */
export function weightFor({ initialWeight }: Pick<Server, 'initialWeight'>, weight: string): number {
  const number = Number.parseInt(weight, 10);
  return weight.endsWith('%') ? Math.min(largest, Math.floor((initialWeight * number) / 100)) : number;
}

async function setAll(balancer: LoadBalancer, request: ChangeRequest, weight: string, signal: AbortSignal) {
  const changes = trackChanges();
  try {
    const seats = request.targets.flatMap(({ server }) => serverOnSockets(request.views, server));
    await forEach(seats, ({ view, server }) => changes.weigh(view, server.name, weight, signal));
    return await verify(balancer, request, weight, signal);
  } catch (failure) {
    throw await changes.putBack(failure);
  }
}

async function verify(balancer: LoadBalancer, request: ChangeRequest, weight: string, signal: AbortSignal) {
  const views = await readBackend(balancer.runtimes, request.backend, signal);
  const wrong = request.targets.filter(({ server }) => {
    const seats = serverOnSockets(views, server);
    return (
      seats.length < request.views.length || seats.some((seat) => seat.server.weight !== weightFor(seat.server, weight))
    );
  });
  if (wrong.length === 0) return views;
  throw new Problem(
    'weight-not-set',
    `${wrong.map(formatServer).join(', ')} did not take the weight ${weight} in the backend “${request.backend}”`,
    'see whether HAProxy was reloaded meanwhile',
  );
}

/** Weights are those of the first socket; where another one's differ, that is told by `status` of it. */
function reportOf(order: ChangeRequest, views: readonly BackendView[], changed: string[]): WeightReport {
  const servers = order.targets.flatMap(({ name, server }) => {
    const found = serverOnSockets(views, server)[0]?.server;
    return found === undefined ? [] : [{ name, server, weight: found.weight, initial: found.initialWeight }];
  });
  const unchanged = namesOf(order.targets).filter((name) => !changed.includes(name));
  return { backend: order.backend, changed, unchanged, available: countAvailable(views), servers };
}

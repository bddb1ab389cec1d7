import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import { type BackendView, readBackend } from '../servers/backend.ts';
import { countAvailable } from '../servers/capacity.ts';
import { defineEntry, type ServerEntry } from './enable-server.ts';
import type { NamedServer } from '../servers/names.ts';
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
} from './change-request.ts';
import { forEach } from '../runtime/parallel.ts';
import { adminStateOf, inMaintenance, inRotation } from '../servers/server.ts';
import { pause } from '../runtime/mutex.ts';
import { trackChanges } from './undo.ts';

/** Milliseconds between two looks at the checks. */
const lookEvery = 15;

export interface EnableInput extends ChangeInput {
  /** Whether to leave out what another than the calling run took out. */
  readonly own?: boolean | undefined;
}

/**
 * Puts servers into traffic, each once a health check begun after this call has passed on every socket. Until then
 * it is in drain, where HAProxy checks it but sends it nobody: straight after `ready` it would pass for up,
 * and get requests, for as long as a check interval. One that does not come up stays out; the others stay in.
 */
export async function enable(
  balancer: LoadBalancer,
  input: EnableInput,
  context: ActionContext,
): Promise<ChangeReport> {
  const whole = await readChangeRequest(balancer, input, context);
  const meant =
    input.own === true ? whole.targets.filter((target) => isOwn(balancer, whole, target, context)) : whole.targets;
  const others = namesOf(whole.targets.filter((target) => !meant.includes(target)));
  const { unchanged, ...report } = await enableAll(balancer, { ...whole, targets: meant }, context);
  return { ...report, unchanged: [...unchanged, ...others] };
}

/** Whether the run that calls took it out: what was out before it began, it must not bring in. */
function isOwn(
  { hold }: LoadBalancer,
  request: ChangeRequest,
  { server }: NamedServer,
  { runId }: ActionContext,
): boolean {
  const held = hold.servers().find((one) => one.backend === request.backend && one.server === server);
  return runId !== '' && held?.run === runId;
}

async function enableAll(
  balancer: LoadBalancer,
  request: ChangeRequest,
  context: ActionContext,
): Promise<ChangeReport> {
  const coming = request.targets.filter(({ server }) => !isIn(request.views, server));
  const report = reportOf(request, coming);
  if (context.dryRun) {
    const supposed = new Set(coming.map(({ server }) => server));
    return { ...report, available: countAvailable(request.views, { in: supposed }) };
  }
  await balancer.hold.remove(toHeld(request, request.targets, context));
  if (coming.length === 0) return { ...report, available: countAvailable(request.views) };
  const after = await putIn(balancer, { ...request, targets: coming }, context);
  return { ...report, available: countAvailable(after) };
}

/** A server that only its checks keep out is waited for, but not changed. */
function reportOf(order: ChangeRequest, coming: readonly NamedServer[]): Omit<ChangeReport, 'available'> {
  const held = coming.filter(({ server }) =>
    serverOnSockets(order.views, server).some((seat) => adminStateOf(seat.server) !== 'ready'),
  );
  const unchanged = order.targets.filter((target) => !held.includes(target));
  return { backend: order.backend, changed: namesOf(held), unchanged: namesOf(unchanged) };
}

function isIn(views: readonly BackendView[], name: string): boolean {
  return serverOnSockets(views, name).every(({ server }) => inRotation(server));
}

function isInMaintenance(views: readonly BackendView[], name: string): boolean {
  return serverOnSockets(views, name).some(({ server }) => inMaintenance(server));
}

async function putIn(balancer: LoadBalancer, request: ChangeRequest, context: ActionContext): Promise<BackendView[]> {
  const changes = trackChanges();
  const entries = request.targets.map((target) => defineEntry(target, changes, context.signal));
  try {
    await forEach(entries, (entry) => entry.begin(serverOnSockets(request.views, entry.target.server)));
    return await waitForAll(balancer, request, entries, context);
  } catch (failure) {
    const unfinished = entries.filter((entry) => !entry.isIn()).map(({ target }) => target);
    const problem = await changes.putBack(failure, new Set(unfinished.map(({ server }) => server)));
    const held = unfinished.filter(({ server }) => isInMaintenance(request.views, server));
    // What failed first is what the caller must hear of.
    await balancer.hold.add(toHeld(request, held, context)).catch(() => {});
    throw problem;
  }
}

async function waitForAll(
  balancer: LoadBalancer,
  request: ChangeRequest,
  entries: readonly ServerEntry[],
  context: ActionContext,
) {
  const deadline = performance.now() + balancer.config.enable_timeout * 1000;
  for (;;) {
    const views = await readBackend(balancer.runtimes, request.backend, context.signal);
    const open = entries.filter((entry) => !entry.isIn());
    await forEach(open, (entry) => entry.advance(serverOnSockets(views, entry.target.server), request.views.length));
    if (entries.every((entry) => entry.isIn())) return views;
    if (performance.now() >= deadline) throw notUp(balancer, request, entries);
    await pause(lookEvery, context.signal);
  }
}

function notUp(balancer: LoadBalancer, order: ChangeRequest, entries: readonly ServerEntry[]): Problem {
  const down = entries.filter((entry) => !entry.isIn());
  const up = entries.filter((entry) => entry.isIn());
  const why = down.map((entry) => `${formatServer(entry.target)}: ${entry.lastWords()}`).join(', ');
  const rest = up.length === 0 ? '' : `; enabled: ${namesOf(up.map(({ target }) => target)).join(', ')}`;
  return new Problem(
    'server-not-up',
    `not up in the backend “${order.backend}” within ${balancer.config.enable_timeout} s: ${why}${rest}`,
    'see why its health check fails, then enable it again',
  );
}

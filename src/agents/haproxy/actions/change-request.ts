import type { ActionContext } from '../../../core/agent.ts';
import { type BackendView, readBackend } from '../servers/backend.ts';
import { type RuntimeCommand, requireCommands } from '../runtime/commands.ts';
import type { HaproxyConfig } from '../config.ts';
import type { HeldServer } from '../maintenance/store.ts';
import type { Hold } from '../maintenance/watch.ts';
import { parseNames, resolveTargets, type Target } from '../servers/names.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Server } from '../servers/server.ts';

/** What the actions share: the sockets of the load balancer and how it is configured. */
export interface LoadBalancer {
  readonly runtimes: readonly Runtime[];
  readonly config: HaproxyConfig;
  readonly hold: Hold;
}

/** What a call is about: the servers it names, as every socket sees them now. */
export interface Order {
  readonly backend: string;
  readonly views: readonly BackendView[];
  readonly targets: readonly Target[];
}

export interface OrderInput {
  readonly backend: string;
  readonly server: string;
}

/** What a change answers; the same for taking out and putting in. */
export interface ChangeReport {
  readonly backend: string;
  readonly changed: string[];
  readonly unchanged: string[];
  readonly available: number;
}

/**
 * Reads the backend, finds every server and sees that changes are allowed, before any is made.
 * @param needed commands beside “set server”
 * @throws Problem `unknown-backend`, `unknown-server`, `haproxy-not-admin`, `haproxy-lacks`, …
 */
export async function takeOrder(
  balancer: LoadBalancer,
  input: OrderInput,
  context: ActionContext,
  needed: readonly RuntimeCommand[] = [],
): Promise<Order> {
  const names = parseNames(input.server);
  const views = await readBackend(balancer.runtimes, input.backend, context.signal);
  const targets = await resolveTargets(names, views, balancer.config.servers);
  await requireCommands(views, ['set server', ...needed], context.signal);
  return { backend: input.backend, views, targets };
}

/** A server on one socket. */
export interface Seat {
  readonly view: BackendView;
  readonly server: Server;
}

/** The servers of that name, one a socket. */
export function seatsOf(views: readonly BackendView[], name: string): Seat[] {
  return views.flatMap((view) => {
    const server = view.servers.find((one) => one.name === name);
    return server === undefined ? [] : [{ view, server }];
  });
}

/** Names for people: as asked for, with HAProxy’s name where it is another. */
export function formatTarget({ name, server }: Target): string {
  return name === server ? name : `${name} (${server})`;
}

export function namesOf(targets: readonly Target[]): string[] {
  return targets.map(({ name }) => name);
}

export function toHeld(
  { backend }: Order,
  targets: readonly Target[],
  { caller, runId: run }: Pick<ActionContext, 'caller' | 'runId'>,
): HeldServer[] {
  const since = Date.now();
  return targets.map(({ server }) => ({ backend, server, since, caller, run }));
}

/** What was out already stays out from now on, but nobody knows since when and by whom. */
export function toKept({ backend }: Order, targets: readonly Target[]): HeldServer[] {
  return targets.map(({ server }) => ({ backend, server }));
}

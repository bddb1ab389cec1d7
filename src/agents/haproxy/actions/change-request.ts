import type { ActionContext } from '../../../core/agent.ts';
import { type BackendView, readBackend } from '../servers/backend.ts';
import { type RuntimeCommand, requireCommands } from '../runtime/commands.ts';
import type { HaproxyConfig } from '../config.ts';
import type { HeldServer } from '../maintenance/store.ts';
import type { MaintenanceWatch } from '../maintenance/watch.ts';
import { parseNames, resolveServers, type NamedServer } from '../servers/names.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Server } from '../servers/server.ts';

/** What the actions share: the sockets of the load balancer and how it is configured. */
export interface LoadBalancer {
  readonly runtimes: readonly Runtime[];
  readonly config: HaproxyConfig;
  readonly hold: MaintenanceWatch;
}

/** What a call is about: the servers it names, as every socket sees them now. */
export interface ChangeRequest {
  readonly backend: string;
  readonly views: readonly BackendView[];
  readonly targets: readonly NamedServer[];
}

export interface ChangeInput {
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
export async function readChangeRequest(
  balancer: LoadBalancer,
  input: ChangeInput,
  context: ActionContext,
  needed: readonly RuntimeCommand[] = [],
): Promise<ChangeRequest> {
  const names = parseNames(input.server);
  const views = await readBackend(balancer.runtimes, input.backend, context.signal);
  const targets = await resolveServers(names, views, balancer.config.servers);
  await requireCommands(views, ['set server', ...needed], context.signal);
  return { backend: input.backend, views, targets };
}

/** A server on one socket. */
export interface SocketServer {
  readonly view: BackendView;
  readonly server: Server;
}

/** The servers of that name, one a socket. */
export function serverOnSockets(views: readonly BackendView[], name: string): SocketServer[] {
  return views.flatMap((view) => {
    const server = view.servers.find((one) => one.name === name);
    return server === undefined ? [] : [{ view, server }];
  });
}

/** Names for people: as asked for, with HAProxy’s name where it is another. */
export function formatServer({ name, server }: NamedServer): string {
  return name === server ? name : `${name} (${server})`;
}

export function namesOf(targets: readonly NamedServer[]): string[] {
  return targets.map(({ name }) => name);
}

export function toHeld(
  { backend }: ChangeRequest,
  targets: readonly NamedServer[],
  { caller, runId: run }: Pick<ActionContext, 'caller' | 'runId'>,
): HeldServer[] {
  const since = Date.now();
  return targets.map(({ server }) => ({ backend, server, since, caller, run }));
}

/** What was out already stays out from now on, but nobody knows since when and by whom. */
export function toKept({ backend }: ChangeRequest, targets: readonly NamedServer[]): HeldServer[] {
  return targets.map(({ server }) => ({ backend, server }));
}

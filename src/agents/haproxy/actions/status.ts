import type { ActionContext } from '../../../core/agent.ts';
import { type BackendView, listBackends, readBackend } from '../servers/backend.ts';
import type { HeldServer } from '../maintenance/store.ts';
import { lookupUnmatched, matchServer, parseNames, resolveServers, type NamedServer } from '../servers/names.ts';
import { type LoadBalancer, namesOf, serverOnSockets } from './change-request.ts';
import { readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { inRotation } from '../servers/server.ts';

interface StatusInput {
  readonly backend: string;
  readonly server?: string | undefined;
}

/** What HAProxy says of the servers asked for, or of all: a server counts as in when every socket says so. */
export async function status({ runtimes, config, hold }: LoadBalancer, input: StatusInput, context: ActionContext) {
  const views = await readBackend(runtimes, input.backend, context.signal);
  const targets =
    input.server === undefined
      ? everyServer(views)
      : await resolveServers(parseNames(input.server), views, config.servers);
  const servers = targets.map((target) => ({
    ...describe(target, views),
    ...originOf(hold.servers().find((one) => one.backend === input.backend && one.server === target.server)),
  }));
  const out = servers.filter((server) => !server.in_rotation).map(({ name }) => name);
  const processes = await Promise.all(views.map(({ runtime }) => describeProcess(runtime, context.signal)));
  return { backend: input.backend, ready: out.length === 0, out, servers, processes };
}

/** Another process id, another start or a lower uptime than before tells that HAProxy was reloaded or restarted. */
async function describeProcess(runtime: Runtime, signal: AbortSignal) {
  const { version, pid, uptime, started } = await readInfo(runtime, signal);
  return { socket: runtime.name, version, pid, uptime, ...(started === undefined ? {} : { started }) };
}

/** Since when and by whom it is out, where this agent took it out. */
function originOf(held: HeldServer | undefined) {
  if (held?.since === undefined) return {};
  return { since: held.since, caller: held.caller ?? '', run: held.run ?? '' };
}

function everyServer(views: readonly BackendView[]): NamedServer[] {
  const names = new Set(views.flatMap((view) => view.servers.map((server) => server.name)));
  return [...names].map((name) => ({ name, server: name }));
}

/** One line a server: of the first socket that keeps it out, else of the first. */
function describe(target: NamedServer, views: readonly BackendView[]) {
  const all = serverOnSockets(views, target.server).map(({ server }) => server);
  const shown = all.find((server) => !inRotation(server)) ?? all[0];
  return {
    name: target.name,
    server: target.server,
    address: shown?.address ?? '',
    status: shown?.status ?? '',
    check: shown?.check ?? '',
    sessions: all.reduce((sum, server) => sum + server.sessions, 0),
    weight: shown?.weight ?? 0,
    in_rotation: all.length > 0 && all.every(inRotation),
  };
}

/** All backends, and which of them hold every server asked for on every socket that has the backend. */
export async function list({ runtimes, config }: LoadBalancer, server: string | undefined, context: ActionContext) {
  const views = await listBackends(runtimes, context.signal);
  const byName = Map.groupBy(views, (view) => view.backend);
  const backends = [...byName].map(([name, same]) => ({ name, servers: namesOf(everyServer(same)) }));
  if (server === undefined) return { backends, holding: [] };
  const names = parseNames(server);
  const addresses = await lookupUnmatched(names, views, config.servers);
  const holds = (view: BackendView) =>
    names.every((name) => matchServer(name, view.servers, config.servers, addresses) !== undefined);
  const holding = [...byName].filter(([, same]) => same.every(holds)).map(([name]) => name);
  return { backends, holding };
}

import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import type { HeldHost } from '../maintenance/held-hosts.ts';
import { readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readViews, runtimesOf } from '../servers/backend.ts';
import { findHeldLines } from '../servers/host.ts';
import { lineName, linesOf, type ServerLine } from '../servers/line.ts';
import { nameHosts } from '../servers/every-host.ts';
import { affectedLines, type Scope, type ScopedHost, scopeHosts } from '../servers/scope.ts';
import { inRotation, servesAsConfigured } from '../servers/state.ts';
import { reasonOf } from '../servers/out-reason.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { prepareScope, readNarrowing } from './change-request.ts';
import { notesOf } from './notes.ts';
import { reportHost } from './report.ts';

interface StatusInput {
  readonly backend?: string | undefined;
  readonly server?: string | undefined;
  readonly port?: string | undefined;
}

/** HAProxy's state of the requested hosts, or of all: a host counts as in when every line of it takes traffic. */
export async function status(balancer: LoadBalancer, input: StatusInput, context: ActionContext) {
  await refreshHeld(balancer, context.signal);
  const { backends, hosts, views, gone = [] } = await readScope(balancer, input, context.signal);
  const held = balancer.watch.hosts();
  const found = hosts.map((host) => ({
    host,
    hold: held.find((one) => one.host === host.name && !gone.includes(one)),
  }));
  const present = found.map(({ host, hold }) => ({ ...describeHost(host), ...describeHold(hold) }));
  const notes = found.flatMap(({ host, hold }) => notesOf(host, hold, context.runId));
  const servers = [...present, ...gone.map((host) => ({ ...describeGone(host), ...describeHold(host) }))];
  const out = servers.filter((server) => !server.in_rotation).map(({ name }) => name);
  const asked = views.length === 0 ? balancer.runtimes : runtimesOf(views);
  const processes = await Promise.all(asked.map((runtime) => describeProcess(runtime, context.signal)));
  const noted = notes.length === 0 ? {} : { notes };
  return { backend: backends.join(','), ready: out.length === 0, out, ...noted, servers, processes };
}

/** Holds are shown in their current state. A damaged file must not hide HAProxy's answers. */
async function refreshHeld({ watch }: LoadBalancer, signal: AbortSignal): Promise<void> {
  await watch.checkNow(signal).catch((problem: unknown) => {
    if (!(problem instanceof Problem && problem.code === 'damaged-state')) throw problem;
  });
}

interface StatusScope extends Scope {
  /** Holds of hosts that no line leads to any more. */
  readonly gone?: readonly HeldHost[];
}

async function readScope(balancer: LoadBalancer, input: StatusInput, signal: AbortSignal): Promise<StatusScope> {
  const { server } = input;
  if (server !== undefined) {
    const resolve = await prepareScope(balancer, { ...input, server });
    return resolve(await readViews(balancer.runtimes, signal));
  }
  const narrowing = readNarrowing(balancer.config, input);
  const views = await readViews(balancer.runtimes, signal);
  const held = balancer.watch.hosts();
  const hosts = nameHosts(views, balancer.config.servers, held);
  const backends = narrowing.backends ?? [...new Set(views.map(({ backend }) => backend))];
  const scope = scopeHosts(hosts, views, { ...narrowing, backends }, () => true);
  const lines = linesOf(views);
  const gone = held.filter((host) => findHeldLines(host, lines).length === 0 && isHeldOf(host, narrowing.backends));
  return { ...scope, hosts: scope.hosts.filter(({ chosen }) => chosen.length > 0), gone };
}

function isHeldOf({ backends }: HeldHost, asked: readonly string[] | undefined): boolean {
  return asked === undefined || backends === undefined || backends.some((backend) => asked.includes(backend));
}

/** Another process id, another start or a lower uptime than before means that HAProxy was reloaded or restarted. */
async function describeProcess(runtime: Runtime, signal: AbortSignal) {
  const { version, pid, uptime, started } = await readInfo(runtime, signal);
  return { socket: runtime.name, version, pid, uptime, ...(started === undefined ? {} : { started }) };
}

/** Since when the host is out, who took it out if this agent did, and each time that it was in meanwhile. */
function describeHold(held: HeldHost | undefined) {
  if (held === undefined) return undefined;
  const { since, caller = '', run = '', outSince, breaks } = held;
  return {
    ...(since === undefined ? {} : { since, caller, run }),
    ...(outSince === undefined ? {} : { out_since: outSince }),
    breaks: breaks.map(({ at, socket, line, cause, where }) => ({ at, socket, line, cause, where })),
  };
}

/** A summary of the first line that keeps it out, else of the first; then each line. */
function describeHost(host: ScopedHost) {
  const lines = affectedLines(host);
  // Every host of a scope has at least one line.
  const { server: shown } = lines.find(({ server }) => !servesAsConfigured(server)) ?? (lines[0] as ServerLine);
  const names = new Set(host.chosen.map(({ server }) => server.name));
  return {
    name: host.name,
    server: [...names].join(','),
    address: shown.address,
    status: shown.status,
    check: reasonOf(shown, shown.check),
    sessions: lines.reduce((sum, { server }) => sum + server.sessions, 0),
    weight: shown.weight,
    in_rotation: lines.every(({ server }) => servesAsConfigured(server)),
    serving: lines.filter(({ server }) => inRotation(server)).length,
    still_serving: reportHost(host).still_serving,
    lines: lines.map(describeLine),
  };
}

/** A hold stays until somebody ends it, also when HAProxy has no line of its host any more. */
function describeGone({ host, addresses }: HeldHost) {
  return {
    ...{ name: host, server: '', address: addresses[0] ?? '', status: 'GONE', sessions: 0, weight: 0 },
    check: 'no line of HAProxy leads to it any more',
    ...{ in_rotation: false, serving: 0, still_serving: [], lines: [] },
  };
}

function describeLine(line: ServerLine) {
  const { address, status, check, sessions, weight } = line.server;
  return {
    line: lineName(line),
    socket: line.view.runtime.name,
    address,
    status,
    check,
    sessions,
    weight,
    in_rotation: inRotation(line.server),
  };
}

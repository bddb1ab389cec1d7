import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { BackendView } from './backend.ts';
import type { Host } from './host.ts';
import { followersOf, lineKey, linesOf, type ServerLine } from './line.ts';

/** The scope of a call. Omitted or empty: everything. */
export interface Narrowing {
  readonly backends: readonly string[] | undefined;
  readonly ports: readonly number[];
}

/** A host with its lines, divided into those in scope and the others. */
export interface ScopedHost extends Host {
  /** The lines in scope. */
  readonly chosen: readonly ServerLine[];
  /** Lines that track these, wherever they are: they share their state. */
  readonly followers: readonly ServerLine[];
  /** The other lines that lead to the host, out of scope. */
  readonly elsewhere: readonly ServerLine[];
}

export interface Scope {
  /** Of all processes together, in order. */
  readonly backends: readonly string[];
  readonly hosts: readonly ScopedHost[];
  /** The views of those backends and of all that follow. */
  readonly views: readonly BackendView[];
}

/** All chosen lines that lead to the host, and those that track them. */
export function affectedLines({ chosen, followers }: ScopedHost): ServerLine[] {
  return [...chosen, ...followers];
}

/** Whether a line of the hosts has an agent-check: what it answers can change the state of its server. */
export function haveAgentChecks(hosts: readonly ScopedHost[]): boolean {
  return hosts.some((host) => affectedLines(host).some(({ server }) => server.agent.configured));
}

/**
 * Narrows hosts to the chosen backends and ports.
 * @param mayLack whether processes that have one of the backends may have no line of this host
 * @throws Problem `unknown-backend`, `unknown-server`
 */
export function scopeHosts(
  hosts: readonly Host[],
  views: readonly BackendView[],
  narrowing: Narrowing,
  mayLack: (host: Host) => boolean = () => false,
): Scope {
  const backends =
    narrowing.backends ??
    backendsOf(
      hosts.flatMap(({ lines }) => lines),
      narrowing.ports,
    );
  requireBackends(backends, views);
  const all = linesOf(views);
  const scoped = hosts.map((host) => scopeHost(host, all, backends, narrowing.ports));
  requireHosts(
    scoped.filter((host) => !mayLack(host)),
    views,
    backends,
    narrowing,
  );
  const touched = scoped.flatMap(({ chosen, followers }) => [...chosen, ...followers]).map(({ view }) => view);
  const kept = views.filter((view) => backends.includes(view.backend) || touched.includes(view));
  return { backends, hosts: scoped, views: kept };
}

/** The backends that contain a line with one of those ports. */
function backendsOf(lines: readonly ServerLine[], ports: readonly number[]): string[] {
  return [...new Set(lines.filter((line) => hasPort(line, ports)).map(({ view }) => view.backend))];
}

/** The lines of a call. */
export function narrowLines(lines: readonly ServerLine[], { backends, ports }: Narrowing): ServerLine[] {
  return lines.filter(
    (line) => (backends === undefined || backends.includes(line.view.backend)) && hasPort(line, ports),
  );
}

function hasPort({ server }: ServerLine, ports: readonly number[]): boolean {
  return ports.length === 0 || ports.includes(server.port);
}

function scopeHost(
  host: Host,
  all: readonly ServerLine[],
  backends: readonly string[],
  ports: readonly number[],
): ScopedHost {
  const chosen = narrowLines(host.lines, { backends, ports });
  const followers = followersOf(chosen, all);
  const inside = new Set([...chosen, ...followers].map(lineKey));
  return { ...host, chosen, followers, elsewhere: host.lines.filter((line) => !inside.has(lineKey(line))) };
}

function requireBackends(backends: readonly string[], views: readonly BackendView[]): void {
  const known = new Set(views.map(({ backend }) => backend));
  const unknown = backends.filter((backend) => !known.has(backend));
  if (unknown.length === 0) return;
  const names = unknown.map((backend) => `“${backend}”`).join(', ');
  throw new Problem('unknown-backend', `HAProxy has no backend ${names}`, suggest(unknown[0] ?? '', known));
}

function requireHosts(
  hosts: readonly ScopedHost[],
  views: readonly BackendView[],
  backends: readonly string[],
  { ports }: Narrowing,
): void {
  const processes = Map.groupBy(
    views.filter(({ backend }) => backends.includes(backend)),
    ({ runtime }) => runtime.name,
  );
  // If no backend was given and no host is known anywhere, there is none to look in.
  const nobody = hosts.filter(({ chosen }) => chosen.length === 0);
  if (nobody.length > 0 && processes.size === 0) throw unknownHosts(nobody, 'HAProxy', views, ports);
  for (const [socket, own] of processes) {
    const unknown = hosts.filter(({ chosen }) => !chosen.some(({ view }) => own.includes(view)));
    if (unknown.length > 0) throw unknownHosts(unknown, describe(own, socket), own, ports);
  }
}

function describe(views: readonly BackendView[], socket: string): string {
  const names = views.map(({ backend }) => `“${backend}”`);
  return `the backend${names.length === 1 ? '' : 's'} ${names.join(', ')} at ${socket}`;
}

function unknownHosts(
  hosts: readonly Host[],
  where: string,
  views: readonly BackendView[],
  ports: readonly number[],
): Problem {
  const known = new Set(views.flatMap((view) => view.servers.map((server) => server.name)));
  const names = hosts.map(({ name }) => name);
  const at = ports.length === 0 ? '' : ` at port ${ports.join(', ')}`;
  const hint = `${suggest(names[0] ?? '', known)}; “servers” in the agent’s configuration maps nodes to servers`;
  return new Problem('unknown-server', `no line of ${where} leads to ${names.join(', ')}${at}`, hint);
}

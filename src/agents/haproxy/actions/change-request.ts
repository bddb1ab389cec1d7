/** Finds the hosts and lines that a call is about, before anything is changed. */
import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import type { HaproxyConfig } from '../config.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { namesOf } from './report.ts';
import { type RuntimeCommand, requireCommands } from '../runtime/commands.ts';
import { lookUpAddresses } from '../servers/address.ts';
import { readAgreedViews } from '../servers/agreed-views.ts';
import { type BackendView, runtimesOf } from '../servers/backend.ts';
import { addressesOf, type Host, type HostKnowledge, parseNames, resolveHosts } from '../servers/host.ts';
import { haveAgentChecks, type Narrowing, narrowLines, type Scope, scopeHosts } from '../servers/scope.ts';

export interface ScopeInput {
  /** Backends, separated by commas; omitted: every one that leads to the hosts. */
  readonly backend?: string | undefined;
  /** Hosts, separated by commas. */
  readonly server: string;
  /** Ports, separated by commas; the configuration decides if omitted. */
  readonly port?: string | undefined;
  /** Whether lines of held hosts may be gone. */
  readonly forget?: boolean | undefined;
}

/** The subject of a call, and what it was narrowed to. */
export interface Request extends Scope {
  readonly narrowing: Narrowing;
}

/**
 * Finds every line that leads to the hosts and checks that changes are allowed and that all states are known, before
 * any is made.
 * @param needed commands beside “set server”
 * @throws Problem `unknown-backend`, `unknown-server`, `bad-map`, `ambiguous-server`, `haproxy-disagrees`,
 * `haproxy-not-admin`, …
 */
export async function readChangeRequest(
  balancer: LoadBalancer,
  input: ScopeInput,
  { signal }: ActionContext,
  needed: readonly RuntimeCommand[] = [],
): Promise<Request> {
  const resolve = await prepareScope(balancer, input);
  const request = await readAgreedViews(balancer.runtimes, resolve, signal);
  const agents = haveAgentChecks(request.hosts) ? agentCommands : [];
  const commands: RuntimeCommand[] = ['set server', ...agents, ...needed];
  await requireCommands(runtimesOf(request.views), commands, signal);
  return request;
}

const agentCommands: readonly RuntimeCommand[] = ['disable agent', 'enable agent'];

/** Makes a request from a reading of all backends. */
export async function prepareScope(
  balancer: LoadBalancer,
  input: ScopeInput,
): Promise<(views: readonly BackendView[]) => Request> {
  const narrowing = readNarrowing(balancer.config, input);
  const { resolve } = await prepareHosts(balancer, input.server);
  const isHeld = ({ name }: Host) => balancer.watch.hosts().some(({ host }) => host === name);
  // Lines that exist, and that the call does not ask for, are not lost.
  const mayLack = (host: Host) =>
    isHeld(host) && (host.lines.length === 0 || narrowLines(host.lines, narrowing).length > 0);
  return (views) => {
    const hosts = resolve(views);
    try {
      return { ...scopeHosts(hosts, views, narrowing, input.forget === true ? mayLack : undefined), narrowing };
    } catch (problem) {
      throw explainGone(
        problem,
        hosts.filter((host) => mayLack(host) && lacksLines(host, views, narrowing)),
      );
    }
  };
}

function lacksLines(host: Host, views: readonly BackendView[], narrowing: Narrowing): boolean {
  try {
    scopeHosts([host], views, narrowing);
    return false;
  } catch {
    return true;
  }
}

/** A held host that no line leads to any more is out until somebody ends its hold. */
function explainGone(problem: unknown, held: readonly Host[]): unknown {
  if (!(problem instanceof Problem && problem.code === 'unknown-server') || held.length === 0) return problem;
  const names = namesOf(held).join(',');
  const hint = `${names} is held out; if HAProxy lost its line on purpose, end that with “mco-deploy rpc haproxy enable server=${names} forget=true”`;
  return new Problem(problem.code, problem.message, hint);
}

/** @throws Problem `bad-name`, `bad-port` */
export function readNarrowing({ ports }: HaproxyConfig, input: Omit<ScopeInput, 'server'>): Narrowing {
  return {
    backends: input.backend === undefined ? undefined : parseNames(input.backend),
    ports: input.port === undefined ? ports : parsePorts(input.port),
  };
}

/** Finds the hosts in a reading of all backends; looks up their addresses first. @throws Problem `bad-name` */
export async function prepareHosts({ config, watch, seen }: LoadBalancer, server: string) {
  const names = parseNames(server);
  const looked = await lookUpAddresses([...names, ...mappedLines(names, config.servers)]);
  const known: HostKnowledge = { map: config.servers, addresses: join(looked, seen), held: watch.hosts() };
  const resolve = (views: readonly BackendView[]) => {
    const hosts = resolveHosts(names, views, known);
    remember(hosts, seen);
    return hosts;
  };
  return { resolve };
}

/** Names that the map gives to lines, which may themselves be those of hosts. */
function mappedLines(names: readonly string[], map: HaproxyConfig['servers']): string[] {
  const entries = names.flatMap((name) => (Object.hasOwn(map, name) ? [map[name] ?? []].flat() : []));
  return entries.map((entry) => entry.replace(/^.*\//, '')).filter((line) => line.includes('.'));
}

function join(
  looked: ReadonlyMap<string, readonly string[]>,
  seen: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const all = new Map(looked);
  for (const [name, addresses] of seen) all.set(name, [...new Set([...(all.get(name) ?? []), ...addresses])]);
  return all;
}

const mostSeen = 20_000;

/** This detects a map that a reload made stale: its line is then at the address of another host. */
function remember(hosts: readonly Host[], seen: Map<string, readonly string[]>): void {
  for (const host of hosts) {
    const addresses = addressesOf(host.lines);
    if (addresses.length > 0 && seen.size < mostSeen) seen.set(host.name, addresses);
  }
}

/** @throws Problem `bad-port` */
function parsePorts(list: string): number[] {
  const ports = [...new Set(list.split(',').map(Number))];
  if (ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536)) return ports;
  throw new Problem('bad-port', `“${list.slice(0, 100)}” is not a list of ports`, 'give numbers from 1 to 65535');
}

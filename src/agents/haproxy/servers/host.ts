import { isIP } from 'node:net';
import { Problem } from '../../../core/errors.ts';
import { hostAddress, isOwnLoopback, normalizeAddress } from './address.ts';
import type { BackendView } from './backend.ts';
import { formatLines, lineKey, lineName, linesOf, type ServerLine } from './line.ts';
import { isVacant } from './server.ts';

/** A requested host, and every line of every process that leads to it. */
export interface Host {
  /** The requested name. */
  readonly name: string;
  readonly lines: readonly ServerLine[];
}

/** The keys by which a held host is found again, whatever the names of its lines after a reload. */
export interface HostIdentity {
  readonly host: string;
  readonly addresses: readonly string[];
  /** Host names under which HAProxy resolves it. */
  readonly fqdns: readonly string[];
  /** The names of the lines that led to it last. */
  readonly lines?: readonly { readonly socket: string; readonly backend: string; readonly server: string }[];
}

/** Knowledge about hosts beside HAProxy's own answers. */
export interface HostKnowledge {
  /** The configured map: lines of a host, each `SERVER` or `BACKEND/SERVER`. */
  readonly map: Readonly<Record<string, string | readonly string[]>>;
  /** Addresses by host name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly held: readonly HostIdentity[];
}

const longestName = 255;

/** @throws Problem `bad-name` for an empty or overlong name; the DDL has refused other characters */
export function parseNames(list: string): string[] {
  const names = [...new Set(list.split(','))];
  if (names.some((name) => name === '' || name.length > longestName || /[^A-Za-z0-9_.:-]/.test(name))) {
    throw new Problem('bad-name', `“${list.slice(0, 100)}” is not a list of names, separated by commas`);
  }
  return names;
}

/**
 * Finds every line that leads to each host: by the configured map, by its name, and by the address of these lines and
 * of the host. For a held host, its state when it was taken out decides.
 * @throws Problem `bad-map`, `ambiguous-server`
 */
export function resolveHosts(names: readonly string[], views: readonly BackendView[], known: HostKnowledge): Host[] {
  const all = linesOf(views);
  const hosts = names.map((name) => resolveHost(name, all, known));
  refuseShared(hosts);
  return hosts;
}

function resolveHost(name: string, all: readonly ServerLine[], known: HostKnowledge): Host {
  const held = known.held.find(({ host }) => host === name);
  if (held !== undefined) {
    const lines = findHeldLines(held, all);
    if (lines.length > 0) return { name, lines };
  }
  const literal = all.filter(({ server }) => server.address === name);
  if (literal.length > 0) return { name, lines: literal };
  const mapped = Object.entries(known.map).flatMap(([host, entries]) => (host === name ? entries : []));
  const byMap = all.filter((line) => mapped.some((entry) => isEntry(line, entry)));
  const byName = all.filter(({ server }) => server.name === name || server.fqdn === name);
  refuseForeignMap(name, byMap, mapped.includes(name) ? [] : byName, all, known);
  const seeds = [...byMap, ...byName];
  const addresses = new Set(addressesOf(seeds));
  for (const address of known.addresses.get(name) ?? []) if (!isOwnLoopback(address)) addresses.add(address);
  if (isIP(name) !== 0 && !isOwnLoopback(name)) addresses.add(normalizeAddress(name));
  const taken = isIP(name) === 0 ? linesOfTheMap(all, known) : new Set<ServerLine>();
  const lines = all.filter((line) => seeds.includes(line) || (hasAddress(line, addresses) && !taken.has(line)));
  return { name, lines };
}

/** `SERVER` in any backend, or `BACKEND/SERVER`. */
function isEntry(line: ServerLine, entry: string): boolean {
  return entry.includes('/') ? lineName(line) === entry : line.server.name === entry;
}

/**
 * The lines that lead to a held host now. Its name counts only if none of its addresses is left: a name may be a slot,
 * behind which a reload puts another host. A line of it that has no address now stays its line until it leads to another
 * host: a service that is restarted leaves the name server, and mostly comes back to the same slot. A line that never
 * has one (to a unix socket) is found by its own name, beside lines that are found by address.
 */
export function findHeldLines<Line extends ServerLine>(
  { host, addresses, fqdns, lines: last = [] }: HostIdentity,
  all: readonly Line[],
): Line[] {
  const known = new Set(addresses);
  const led = all.filter((line) => hasAddress(line, known) || fqdns.includes(ownFqdn(line)));
  const backends = new Set(led.map(({ view }) => view));
  const isLeft = (line: Line) =>
    hostAddress(line.server) === undefined &&
    !(isVacant(line.server) && backends.has(line.view)) &&
    last.some((one) => isNamed(one, line));
  const lines = all.filter((line) => led.includes(line) || isLeft(line));
  return lines.length > 0 || known.size > 0 ? lines : all.filter(({ server }) => server.name === host);
}

function isNamed(name: NonNullable<HostIdentity['lines']>[number], { view, server }: ServerLine): boolean {
  return name.socket === view.runtime.name && name.backend === view.backend && name.server === server.name;
}

function hasAddress({ server }: ServerLine, addresses: ReadonlySet<string>): boolean {
  const address = hostAddress(server);
  return address !== undefined && addresses.has(address);
}

export function addressesOf(lines: readonly ServerLine[]): string[] {
  return [...new Set(lines.flatMap(({ server }) => hostAddress(server) ?? []))];
}

export function identityOf({ name, lines }: Host): HostIdentity {
  const fqdns = [...new Set(lines.map(ownFqdn).filter((fqdn) => fqdn !== ''))];
  return { host: name, addresses: addressesOf(lines), fqdns };
}

/**
 * The host name that the line resolves, if it is that of one host; else empty. HAProxy spreads the addresses of a name
 * over the servers of a backend that have it (`server-template`): there the name stands for all of them.
 */
export function ownFqdn(line: ServerLine): string {
  const { fqdn, port } = line.server;
  const address = hostAddress(line.server);
  const others = line.view.servers.filter((other) => other !== line.server && other.fqdn === fqdn);
  return others.some((other) => other.port === port || hostAddress(other) !== address) ? '' : fqdn;
}

/** Lines that the map gives to any host: if one address leads to several, the map decides. */
function linesOfTheMap(all: readonly ServerLine[], { map }: HostKnowledge): Set<ServerLine> {
  const entries = Object.values(map).flat();
  return new Set(all.filter((line) => entries.some((entry) => isEntry(line, entry))));
}

/**
 * A map that was not changed with the load balancer may name a line of another host: one that HAProxy knows by its
 * name, or by the address of the line.
 */
function refuseForeignMap(
  name: string,
  byMap: readonly ServerLine[],
  byName: readonly ServerLine[],
  all: readonly ServerLine[],
  { addresses }: HostKnowledge,
): void {
  const own = new Set([...addressesOf(byName), ...(addresses.get(name) ?? [])]);
  for (const line of byMap) {
    const address = hostAddress(line.server);
    if (address === undefined || own.size === 0 || own.has(address)) continue;
    const other = [...addresses].find(([, found]) => found.includes(address))?.[0];
    const rival = byName[0] ?? all.find((one) => hasAddress(one, own));
    if (other === undefined && rival === undefined) continue;
    const owner = other === undefined ? '' : `, the address of ${other}`;
    const instead = rival === undefined ? '' : `, and ${name} is ${lineName(rival)} (${rival.server.address})`;
    throw new Problem(
      'bad-map',
      `the map gives ${name} the line ${lineName(line)} (${line.server.address})${owner}${instead}`,
      'correct “servers” in the haproxy section of node.yaml; where both lines are the host’s, list both there',
    );
  }
}

function refuseShared(hosts: readonly Host[]): void {
  const owners = new Map<string, string>();
  for (const { name, lines } of hosts) {
    for (const line of lines) {
      const owner = owners.get(lineKey(line));
      owners.set(lineKey(line), name);
      if (owner !== undefined) {
        throw new Problem(
          'ambiguous-server',
          `${owner} and ${name} both lead to ${formatLines([line])} (${line.server.address}) at ${line.view.runtime.name}`,
          'name each host once; where they share an address, “servers” in node.yaml says which line is whose',
        );
      }
    }
  }
}

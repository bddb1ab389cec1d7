import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { BackendView } from './backend.ts';
import type { Server } from './server.ts';

/** A server that was asked for: by which name, and what HAProxy calls it. */
export interface NamedServer {
  readonly name: string;
  readonly server: string;
}

/** Milliseconds that looking up a host's addresses may take. */
const lookupTimeout = 2000;
const longestName = 255;
/** Addresses by name, for names that HAProxy does not know as they are. */
type Addresses = ReadonlyMap<string, readonly string[]>;

/** @throws Problem `bad-name` for an empty or overlong name; the DDL has refused other characters */
export function parseNames(list: string): string[] {
  const names = [...new Set(list.split(','))];
  if (names.some((name) => name === '' || name.length > longestName || /[^A-Za-z0-9_.:-]/.test(name))) {
    throw new Problem('bad-name', `“${list.slice(0, 100)}” is not a list of server names, separated by commas`);
  }
  return names;
}

/**
 * Finds the server that is meant: by its name, by the configured map, by the host name or address it is configured
 * with. An address that several servers share names none of them.
 */
export function matchServer(
  name: string,
  servers: readonly Server[],
  map: Readonly<Record<string, string>>,
  addresses: Addresses = new Map(),
): Server | undefined {
  const named = servers.find((server) => server.name === name);
  if (named !== undefined) return named;
  if (Object.hasOwn(map, name)) return servers.find((server) => server.name === map[name]);
  const wanted = addresses.get(name) ?? [name];
  const found = servers.filter(
    ({ fqdn, ip, address }) => (fqdn !== '' && fqdn === name) || wanted.includes(ip) || wanted.includes(address),
  );
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Finds every server on every socket, before anything is changed.
 * @throws Problem `unknown-server` with all names that some socket does not know
 */
export async function resolveServers(
  names: readonly string[],
  views: readonly BackendView[],
  map: Readonly<Record<string, string>>,
): Promise<NamedServer[]> {
  const addresses = await lookupUnmatched(names, views, map);
  const targets = new Map<string, NamedServer>();
  const unknown = new Set<string>();
  for (const name of names) {
    const found = views.map((view) => matchServer(name, view.servers, map, addresses)?.name);
    const [server] = found;
    if (server === undefined || found.some((other) => other !== server)) unknown.add(name);
    else if (!targets.has(server)) targets.set(server, { name, server });
  }
  if (unknown.size > 0) throw unknownServers([...unknown], views);
  return [...targets.values()];
}

function unknownServers(unknown: readonly string[], views: readonly BackendView[]): Problem {
  const known = new Set(views.flatMap((view) => view.servers.map((server) => server.name)));
  const where = `the backend “${views[0]?.backend}” at ${views.map((view) => view.runtime.name).join(', ')}`;
  const hint = `${suggest(unknown[0] ?? '', known)}; “servers” in the agent’s configuration maps nodes to servers`;
  return new Problem('unknown-server', `${where} has no server ${unknown.join(', ')}`, hint);
}

/** Addresses of the names that some socket does not know otherwise: looked up last, since it may take long. */
export async function lookupUnmatched(
  names: readonly string[],
  views: readonly BackendView[],
  map: Readonly<Record<string, string>>,
): Promise<Addresses> {
  const unmatched = names.filter(
    (name) =>
      !Object.hasOwn(map, name) &&
      isIP(name) === 0 &&
      /^[A-Za-z0-9_.-]+$/.test(name) &&
      views.some((view) => matchServer(name, view.servers, map) === undefined),
  );
  return new Map(await Promise.all(unmatched.map(async (name) => [name, await addressesOf(name)] as const)));
}

async function addressesOf(name: string): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<[]>((resolve) => {
    timer = setTimeout(resolve, lookupTimeout, []);
  });
  const found = lookup(name, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

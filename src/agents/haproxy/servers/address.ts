import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Server } from './server.ts';

/** The maximum time for looking up a host's addresses, in milliseconds. */
const lookupTimeout = 2000;

/**
 * The key that identifies a server's host by its address; undefined if there is none (a unix socket, a name that is not
 * resolved). The load balancer's own 127.0.0.1 and ::1 may lead anywhere (a tunnel, a proxy): there the port counts too.
 */
export function hostAddress({ ip, address }: Pick<Server, 'ip' | 'address'>): string | undefined {
  if (ip === '0.0.0.0' || ip === '::' || isIP(ip) === 0) return undefined;
  return isOwnLoopback(ip) ? address : normalizeAddress(ip);
}

export function isOwnLoopback(ip: string): boolean {
  return ip === '127.0.0.1' || ip === '::1';
}

/** The normal form of an address: RFC 5952 for IPv6, IPv4 for an IPv4-mapped one. */
export function normalizeAddress(text: string): string {
  if (isIP(text) !== 6) return text;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  // A zone (fe80::1%eth0) cannot be part of a URL.
  const [address = '', zone] = text.split('%');
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return zone === undefined ? plain : `${plain}%${zone}`;
}

/** The addresses of each host name, as this machine resolves it; invalid and slow names have none. */
export async function lookUpAddresses(names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const hosts = names.filter((name) => isIP(name) === 0 && /^[A-Za-z0-9_.-]+$/.test(name));
  return new Map(await Promise.all(hosts.map(async (name) => [name, await addressesOf(name)] as const)));
}

async function addressesOf(name: string): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<[]>((resolve) => {
    timer = setTimeout(resolve, lookupTimeout, []);
  });
  const found = lookup(name, { all: true }).then(
    (all) => all.map(({ address }) => normalizeAddress(address)),
    () => [],
  );
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

import { existsSync, readFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { hostInterfaces } from '../../core/host/host-interfaces.ts';
import { orderInterfaces, servesContainers } from './interface-order.ts';
import { interfacesWithDefaultRoute } from './routes.ts';

/** A network interface that supports multicast, in one family of addresses or both. */
export interface MulticastInterface {
  readonly name: string;
  /** Its first IPv4 address: the address that a socket sends from. */
  readonly ipv4?: string;
  /** Its link-local IPv6 address, without the zone (RFC 4007), which is the interface's name. */
  readonly ipv6?: string;
  readonly mac: string;
  /** It belongs to containers or virtual machines of this host: it comes and goes with them. */
  readonly container: boolean;
}

/** Sockets and packets grow with each interface: beyond these, the last ones in the order are left out, and named. */
const mostInterfaces = 64;

/** The interfaces of a host for multicast DNS. */
export interface MulticastInterfaces {
  readonly used: readonly MulticastInterface[];
  /** Names of those beyond {@link mostInterfaces}. */
  readonly leftOut: readonly string[];
}

// linux/if.h
const up = 0x1;
const multicast = 0x1000;

/**
 * The interfaces for multicast DNS: the configured ones, else all that are up, multicast, not loopback, and not a port
 * of a bridge or bond (whose addresses nobody dials). One with neither an IPv4 nor a link-local IPv6 address is left
 * out. Those with a default route come first, bridges and ends of containers last.
 */
export function findInterfaces(configured: readonly string[] = []): MulticastInterfaces {
  const found: Omit<MulticastInterface, 'container'>[] = [];
  for (const [name, addresses = []] of Object.entries(hostInterfaces())) {
    const one = describe(name, addresses);
    if (one === undefined) continue;
    const internal = addresses.some((address) => address.internal);
    const isChosen = configured.length > 0 ? configured.includes(name) : !internal && carriesMulticast(name);
    if (isChosen) found.push(one);
  }
  const traits = { defaultRoutes: interfacesWithDefaultRoute(), isBridge };
  const ordered = orderInterfaces(found, traits).map((one) => ({
    ...one,
    container: servesContainers(one.name, traits),
  }));
  return { used: ordered.slice(0, mostInterfaces), leftOut: ordered.slice(mostInterfaces).map(({ name }) => name) };
}

/** Those of {@link findInterfaces} that are used. */
export function multicastInterfaces(configured: readonly string[] = []): readonly MulticastInterface[] {
  return findInterfaces(configured).used;
}

/** Those that have an address. @param address in either family, without a zone; undefined: any */
export function withAddress(
  interfaces: readonly MulticastInterface[],
  address: string | undefined,
): readonly MulticastInterface[] {
  if (address === undefined) return interfaces;
  const all = hostInterfaces();
  return interfaces.filter(({ name }) => all[name]?.some((one) => one.address === address));
}

/** Those that identify a host to others: without the interfaces of its containers, unless it has nothing else. */
export function lastingInterfaces(interfaces: readonly MulticastInterface[]): readonly MulticastInterface[] {
  const lasting = interfaces.filter(({ container }) => !container);
  return lasting.length === 0 ? interfaces : lasting;
}

/** The message about interfaces that are left out, or undefined. */
export function leftOutWarning({ used, leftOut }: MulticastInterfaces): string | undefined {
  if (leftOut.length === 0) return undefined;
  return `this host has more than ${used.length} network interfaces: nodes are not discovered on ${leftOut.join(', ')} (name those to use in discovery.interfaces)`;
}

function describe(
  name: string,
  addresses: readonly NetworkInterfaceInfo[],
): Omit<MulticastInterface, 'container'> | undefined {
  const ipv4 = addresses.find(({ family }) => family === 'IPv4');
  const ipv6 = addresses.find(({ family, scopeid }) => family === 'IPv6' && scopeid !== undefined && scopeid !== 0);
  const mac = (ipv4 ?? ipv6)?.mac;
  if (mac === undefined) return undefined;
  return {
    name,
    mac,
    ...(ipv4 === undefined ? {} : { ipv4: ipv4.address }),
    ...(ipv6 === undefined ? {} : { ipv6: ipv6.address }),
  };
}

/** Also true if the kernel's view is not available (another namespace's /sys): then the socket decides. */
function carriesMulticast(name: string): boolean {
  const directory = `/sys/class/net/${name}`;
  try {
    const flags = Number.parseInt(readFileSync(`${directory}/flags`, 'utf8'), 16);
    return (flags & up) !== 0 && (flags & multicast) !== 0 && !existsSync(`${directory}/master`);
  } catch {
    return true;
  }
}

function isBridge(name: string): boolean {
  return existsSync(`/sys/class/net/${name}/bridge`);
}

import { existsSync, readFileSync } from 'node:fs';
import { BlockList, isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** A network interface that multicast can be sent on, by one family of addresses or both. */
export interface MulticastInterface {
  readonly name: string;
  /** Its first IPv4 address: what a socket is told to send from. */
  readonly ipv4?: string;
  /** Its link-local IPv6 address, without the zone (RFC 4007), which is the interface's name. */
  readonly ipv6?: string;
  readonly mac: string;
}

/** A probe names the addresses of all interfaces in one packet; more than these would not fit. */
const most = 8;

// linux/if.h
const up = 0x1;
const multicast = 0x1000;

/**
 * The interfaces to speak multicast DNS on: those that are configured, else all that are up, multicast, not loopback,
 * and not a port of a bridge or bond (whose addresses nobody dials). One with neither an IPv4 nor a link-local IPv6 address is left out.
 */
export function multicastInterfaces(configured: readonly string[] = []): MulticastInterface[] {
  const found: MulticastInterface[] = [];
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const one = describe(name, addresses);
    if (one === undefined) continue;
    const internal = addresses.some((address) => address.internal);
    const wanted = configured.length > 0 ? configured.includes(name) : !internal && carriesMulticast(name);
    if (wanted) found.push(one);
  }
  return found.slice(0, most);
}

function describe(name: string, addresses: readonly NetworkInterfaceInfo[]): MulticastInterface | undefined {
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

/** True also where the kernel's view is not to be had (another namespace's /sys): then the socket will tell. */
function carriesMulticast(name: string): boolean {
  const directory = `/sys/class/net/${name}`;
  try {
    const flags = Number.parseInt(readFileSync(`${directory}/flags`, 'utf8'), 16);
    return (flags & up) !== 0 && (flags & multicast) !== 0 && !existsSync(`${directory}/master`);
  } catch {
    return true;
  }
}

/** Whether this host has that address on any interface. */
export function isOwnAddress(address: string): boolean {
  const [bare] = address.split('%');
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === bare));
}

/** Milliseconds for which the networks of this host are taken to be the same: packets may come by the thousand. */
const networksHold = 1000;

/**
 * Begins to tell of addresses whether they lie in the network of another interface than the one that is named: by their zone,
 * or by their prefix. The interfaces of this host are read anew once a second at most.
 */
export function watchNetworks(): (address: string, name: string) => boolean {
  let networks: readonly Network[] = [];
  let readAt = -networksHold;
  return (address, name) => {
    const [bare = '', zone] = address.split('%');
    if (zone !== undefined) return zone !== name;
    if (performance.now() - readAt >= networksHold) {
      networks = networksOfHost();
      readAt = performance.now();
    }
    const family = isIPv6(bare) ? 'ipv6' : 'ipv4';
    const near = networks.filter(({ subnets }) => subnets.check(bare, family));
    return near.length > 0 && !near.some((network) => network.name === name);
  };
}

interface Network {
  readonly name: string;
  readonly subnets: BlockList;
}

function networksOfHost(): Network[] {
  return Object.entries(networkInterfaces()).map(([name, addresses = []]) => {
    const subnets = new BlockList();
    for (const { cidr } of addresses) {
      const [network = '', prefix] = cidr?.split('/') ?? [];
      if (prefix !== undefined) subnets.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    }
    return { name, subnets };
  });
}

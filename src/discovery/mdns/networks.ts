import { BlockList, isIPv6 } from 'node:net';
import { hostInterfaces } from '../../core/host-interfaces.ts';

/** Whether this host has that address on any interface. */
export function isOwnAddress(address: string): boolean {
  const [bare] = address.split('%');
  return Object.values(hostInterfaces()).some((list) => list?.some((one) => one.address === bare));
}

/** Milliseconds for which the networks of this host are cached: packets may come by the thousand. */
const networksHold = 1000;

/**
 * Starts a check whether addresses are in the network of another interface than the named one: by their zone, or by
 * their prefix. The interfaces of this host are read at most once a second.
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
  return Object.entries(hostInterfaces()).map(([name, addresses = []]) => {
    const subnets = new BlockList();
    for (const { cidr } of addresses) {
      const [network = '', prefix] = cidr?.split('/') ?? [];
      if (prefix !== undefined) subnets.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    }
    return { name, subnets };
  });
}

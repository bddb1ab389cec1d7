import { BlockList, isIPv6 } from 'node:net';
import { type HostInterfaces, hostInterfaces, recentHostInterfaces } from '../../core/host/host-interfaces.ts';

/** Whether this host has that address on any interface. */
export function isOwnAddress(address: string): boolean {
  const [bare] = address.split('%');
  return Object.values(hostInterfaces()).some((list) => list?.some((one) => one.address === bare));
}

/** Milliseconds. A daemon looks at its interfaces more often (`announce.ts`), so that no packet has to wait for that. */
const networksHold = 20_000;

/**
 * Starts a check whether addresses are in the network of another interface than the named one: by their zone, or by
 * their prefix.
 */
export function watchNetworks(): (address: string, name: string) => boolean {
  let interfaces: HostInterfaces | undefined;
  let networks: readonly Network[] = [];
  return (address, name) => {
    const [bare = '', zone] = address.split('%');
    if (zone !== undefined) return zone !== name;
    const recent = recentHostInterfaces(networksHold);
    if (recent !== interfaces) networks = networksOf(recent);
    interfaces = recent;
    const family = isIPv6(bare) ? 'ipv6' : 'ipv4';
    const near = networks.filter(({ subnets }) => subnets.check(bare, family));
    return near.length > 0 && !near.some((network) => network.name === name);
  };
}

interface Network {
  readonly name: string;
  readonly subnets: BlockList;
}

function networksOf(interfaces: HostInterfaces): Network[] {
  return Object.entries(interfaces).map(([name, addresses = []]) => {
    const subnets = new BlockList();
    for (const { cidr } of addresses) {
      const [network = '', prefix] = cidr?.split('/') ?? [];
      if (prefix !== undefined) subnets.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    }
    return { name, subnets };
  });
}

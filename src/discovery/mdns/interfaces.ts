import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** A network interface that multicast can be sent on. */
export interface MulticastInterface {
  readonly name: string;
  /** Its first IPv4 address: what a socket is told to send from. */
  readonly ipv4: string;
  readonly mac: string;
}

/** A probe names the addresses of all interfaces in one packet; more than these would not fit. */
const most = 8;

// linux/if.h
const up = 0x1;
const multicast = 0x1000;

/**
 * The interfaces to speak multicast DNS on: those that are configured, else all that are up, multicast, not loopback,
 * and not a port of a bridge or bond (whose addresses nobody dials). Without an IPv4 address an interface is left out.
 */
export function multicastInterfaces(configured: readonly string[] = []): MulticastInterface[] {
  const found: MulticastInterface[] = [];
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const ipv4 = addresses.find((address) => address.family === 'IPv4');
    if (ipv4 === undefined) continue;
    const wanted = configured.length > 0 ? configured.includes(name) : !ipv4.internal && carriesMulticast(name);
    if (wanted) found.push({ name, ipv4: ipv4.address, mac: ipv4.mac });
  }
  return found.slice(0, most);
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
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address));
}

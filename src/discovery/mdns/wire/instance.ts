import { createHash } from 'node:crypto';
import type { MulticastInterface } from '../interfaces.ts';
import { serviceDomain } from '../service.ts';

const longestLabel = 63;

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}

/**
 * The DNS-SD instance name of a node (RFC 6763, 4.1.1): its identity, as one label with dots. An identity that no label
 * can hold is cut and made unique by a hash; the TXT record has the whole one.
 */
export function instanceOf(identity: string): string {
  if (Buffer.byteLength(identity) <= longestLabel) return identity;
  return `${identity.slice(0, longestLabel - 17)}~${digest(identity, 16)}`;
}

/** The instance in a full name such as `dev1.devco.net._mco-deploy._tcp.local`, or undefined for another service. */
export function instanceIn(name: string): string | undefined {
  const lower = name.toLowerCase();
  const suffix = `.${serviceDomain}`;
  if (!lower.endsWith(suffix) || lower.endsWith(`._sub${suffix}`)) return undefined;
  return lower.slice(0, -suffix.length);
}

/**
 * The host name of an instance: unique to this node, so that its address records conflict with no others (a host's own
 * mDNS name included), and so that two nodes with one identity can be distinguished from one node with two addresses.
 */
export function hostnameOf(identity: string, interfaces: readonly MulticastInterface[]): string {
  const addresses = interfaces.map(({ mac, ipv4, ipv6 }) => `${mac}/${ipv4 ?? ipv6}`).sort();
  return `mco-${digest([identity, ...addresses].join('\0'), 16)}`;
}

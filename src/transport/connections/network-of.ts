import { isIPv6 } from 'node:net';

/**
 * The network whose connections are counted together: an IPv4 address, or the /64 of an IPv6 address, since one host
 * may use every address of its /64 (RFC 4291, 2.5.4). An IPv4 address written as IPv6 (RFC 4291, 2.5.5.2) counts as IPv4.
 */
export function networkOf(address: string | undefined): string {
  const [bare = ''] = (address ?? 'unknown').split('%');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(bare) ? `${firstGroups(bare)}::/64` : bare;
}

/** The first four of the eight groups, without leading zeros. */
function firstGroups(address: string): string {
  const [before = '', after] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(before);
  const right = after === undefined ? [] : groups(after);
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}

import { isIPv6 } from 'node:net';
import type { ReceivedAnswer } from './query/options.ts';

/**
 * The addresses of a node in the order to try: the one that it answered from, then IPv4, then IPv6; link-local ones
 * last and with their interface. If it named none, the one it answered from.
 */
export function addressesToDial({
  addresses,
  from,
  interface: name,
}: Pick<ReceivedAnswer, 'addresses' | 'from' | 'interface'>) {
  if (addresses.length === 0) return [from];
  const [sender] = from.split('%');
  const rank = (address: string) => {
    if (address === sender) return 0;
    if (!isIPv6(address)) return 1;
    return isLinkLocal(address) ? 3 : 2;
  };
  return [...addresses]
    .sort((a, b) => rank(a) - rank(b))
    .map((address) => (isLinkLocal(address) ? `${address}%${name}` : address));
}

function isLinkLocal(address: string): boolean {
  return isIPv6(address) && /^fe[89ab]/i.test(address);
}

import { isIP } from 'node:net';
import type { OtherProcess } from '../runtime/other-processes.ts';
import { normalizeAddress } from './address.ts';
import type { Host } from './host.ts';

/** Those of the processes whose configuration leads to the host, in words. */
export function processesLeadingTo(host: Host, others: readonly OtherProcess[]): string[] {
  const keys = new Set(keysOf(host));
  const leading = others.filter(({ targets }) =>
    [...(targets ?? [])].some((target) => keys.has(isIP(target) === 0 ? target : normalizeAddress(target))),
  );
  return leading.map(formatProcess);
}

export function formatProcess({ pid, files }: OtherProcess): string {
  return `HAProxy’s process ${pid} (${files}), which has no socket in node.yaml`;
}

/**
 * Its addresses and names in a configuration. Addresses of this machine lead to tunnels and local proxies: there the
 * port counts.
 */
function keysOf({ name, lines }: Host): string[] {
  const own = lines.flatMap(({ server: { ip, port, address, fqdn } }) => {
    const isOwn = ip.startsWith('127.') || ip === '::1';
    return isOwn ? [address, `${ip}:${port}`] : [normalizeAddress(ip), fqdn];
  });
  const named = name.includes('.') && isIP(name) === 0;
  return [...own, named ? name : ''].filter((key) => key !== '');
}

import { readFileSync } from 'node:fs';

/**
 * Names of the interfaces with a default route, IPv4 or IPv6, from the kernel (proc(5)); none if it cannot be asked.
 */
export function interfacesWithDefaultRoute(): ReadonlySet<string> {
  return new Set([...ipv4Defaults(read('/proc/net/route')), ...ipv6Defaults(read('/proc/net/ipv6_route'))]);
}

/** @param table /proc/net/route: a heading, then lines of interface, destination, gateway, …, mask (the eighth) in hex */
export function ipv4Defaults(table: string): string[] {
  const lines = table.split('\n').slice(1);
  return lines.flatMap((line) => {
    const [name = '', destination, , , , , , mask] = line.trim().split(/\s+/);
    return destination === '00000000' && mask === '00000000' ? [name] : [];
  });
}

/**
 * @param table /proc/net/ipv6_route: lines of destination, prefix length, …, interface (the last); `lo` means
 * unreachable
 */
export function ipv6Defaults(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [destination, prefix, ...rest] = line.trim().split(/\s+/);
    const name = rest.at(-1) ?? 'lo';
    return /^0{32}$/.test(destination ?? '') && prefix === '00' && name !== 'lo' ? [name] : [];
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

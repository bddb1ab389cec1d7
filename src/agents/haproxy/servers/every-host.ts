import { hostAddress } from './address.ts';
import type { BackendView } from './backend.ts';
import { findHeldLines, type Host, type HostIdentity, ownFqdn } from './host.ts';
import { lineName, linesOf, type ServerLine } from './line.ts';

/**
 * All hosts that lines lead to: held ones, those of the map, and the others grouped by address (else by name). Each has
 * a name by which it is found again.
 */
export function nameHosts(
  views: readonly BackendView[],
  map: Readonly<Record<string, string | readonly string[]>>,
  held: readonly HostIdentity[],
): Host[] {
  const all = linesOf(views).filter((line) => !isFreeSlot(line));
  let rest = all;
  const take = (lines: readonly ServerLine[]) => {
    rest = rest.filter((line) => !lines.includes(line));
    return lines;
  };
  const found = [
    ...held.map((host) => ({ name: host.host, lines: take(findHeldLines(host, rest)) })),
    ...Object.entries(map).map(([name, entries]) => ({ name, lines: take(linesFor([entries].flat(), rest)) })),
  ];
  const byName = Map.groupBy(found, ({ name }) => name);
  const known = [...byName]
    .map(([name, same]) => ({ name, lines: same.flatMap(({ lines }) => lines) }))
    .filter(({ lines }) => lines.length > 0);
  const byAddress = Map.groupBy(rest, (line) => hostAddress(line.server) ?? line.server.name);
  const unnamed = [...byAddress.values()].map((lines) => ({ name: lines[0]?.server.name ?? '', lines }));
  const first = ({ lines: [line] }: Host) => (line === undefined ? -1 : all.indexOf(line));
  // A slot’s name may stand for several hosts, or be that of a held one which it leads to no more: its address decides.
  const taken = new Set([...held.map(({ host }) => host), ...known.map(({ name }) => name)]);
  const isTaken = (name: string) => taken.has(name) || unnamed.filter((host) => host.name === name).length > 1;
  const others = unnamed.map((host) =>
    isTaken(host.name) ? { ...host, name: host.lines[0]?.server.address ?? host.name } : host,
  );
  return [...known, ...others].sort((one, other) => first(one) - first(other));
}

/** A line of a `server-template` that leads to no host now. If no line does, they are shown: nothing serves. */
function isFreeSlot(line: ServerLine): boolean {
  const isFree = line.server.ip === '' && line.server.status === 'MAINT (resolution)' && ownFqdn(line) === '';
  return isFree && line.view.servers.some(({ ip }) => ip !== '');
}

function linesFor(entries: readonly string[], lines: readonly ServerLine[]): ServerLine[] {
  const named = lines.filter((line) => entries.includes(line.server.name) || entries.includes(lineName(line)));
  const addresses = new Set(named.flatMap(({ server }) => hostAddress(server) ?? []));
  return lines.filter((line) => named.includes(line) || addresses.has(hostAddress(line.server) ?? ''));
}

import type { HaproxyInfo } from '../runtime/process.ts';
import { type HostIdentity, identityOf } from '../servers/host.ts';
import type { BackendView } from '../servers/backend.ts';
import { refreshLines, type ServerLine } from '../servers/line.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { isVacant } from '../servers/server.ts';
import { adminStateOf, inMaintenance } from '../servers/state.ts';

/** A line in its state when its host was last seen out. */
export interface HeldLine {
  readonly socket: string;
  readonly backend: string;
  readonly server: string;
  /** Address and port. */
  readonly address: string;
  /** Whether its agent-check was on before the host was taken out. */
  readonly agent: boolean;
  /** Sessions since HAProxy began. */
  readonly total: number;
}

/** A cause that put a held host back into traffic, or let requests reach it. */
export interface Break {
  /** When it was noticed, in milliseconds since the epoch. */
  readonly at: number;
  readonly socket: string;
  /** `BACKEND/SERVER` */
  readonly line: string;
  /** The cause, in words. */
  readonly cause: string;
  /** Where to see it, in words. */
  readonly where: string;
}

/** A host that was taken out and must stay out until it is put back. */
export interface HeldHost extends HostIdentity {
  /** The backends that it is held out of; undefined: every one that leads to it. */
  readonly backends?: readonly string[];
  /** The chosen ports; empty: all. */
  readonly ports: readonly number[];
  readonly lines: readonly HeldLine[];
  /** Whether it is out, or is being changed. */
  readonly stage: 'leaving' | 'out' | 'entering';
  /** When it was taken out, in milliseconds since the epoch; unknown if it was out before. */
  readonly since?: number;
  /** The caller that took it out, and the run; empty outside of one. */
  readonly caller?: string;
  readonly run?: string;
  /** The run that took it out of a backend, where that is another one; empty outside of one. */
  readonly runs?: Readonly<Record<string, string>>;
  /** Since when it has been out without a break, in milliseconds since the epoch; undefined while that is not confirmed. */
  readonly outSince?: number;
  /** The latest. */
  readonly breaks: readonly Break[];
  /** The HAProxy processes by socket, as last seen: another one has forgotten all earlier commands. */
  readonly processes: Readonly<Record<string, HaproxyInfo>>;
}

/** How many breaks are remembered: a tool that keeps enabling the server causes one per check. */
const mostBreaks = 20;

export function addBreaks({ breaks }: HeldHost, more: readonly Break[]): readonly Break[] {
  return [...breaks, ...more].slice(-mostBreaks);
}

/** Records the lines of a host, with the known states of their agent-checks before. */
export function toHeldLines(
  lines: readonly ServerLine[],
  before: readonly HeldLine[],
  wasOn: (line: ServerLine) => boolean,
): HeldLine[] {
  return lines.map((line) => ({
    socket: line.view.runtime.name,
    backend: line.view.backend,
    server: line.server.name,
    address: addressOf(before, line),
    agent: agentWasOn(before, line) ?? wasOn(line),
    total: line.server.total,
  }));
}

/** Of a line that has none now, the last one: it leads to its host again, or to another one. */
function addressOf(before: readonly HeldLine[], line: ServerLine): string {
  const last = isVacant(line.server) ? before.find((one) => isSameName(one, line)) : undefined;
  return last?.address ?? line.server.address;
}

/** The record of a line with that name and address. */
export function findHeldLine(held: readonly HeldLine[], line: ServerLine): HeldLine | undefined {
  return held.find((one) => isSameName(one, line) && one.address === line.server.address);
}

/**
 * Whether the line's agent-check was on before its host was taken out; undefined if unknown. If the path of a process's
 * socket has changed since, the process is recognised by its lines.
 */
export function agentWasOn(held: readonly HeldLine[], line: ServerLine): boolean | undefined {
  const address = addressOf(held, line);
  const alike = held.filter((one) => isSameLine(one, line) && one.address === address);
  return (alike.find((one) => isSameName(one, line)) ?? alike[0])?.agent;
}

function isSameLine({ backend, server }: HeldLine, line: ServerLine): boolean {
  return backend === line.view.backend && server === line.server.name;
}

export function isSameName(held: HeldLine, line: ServerLine): boolean {
  return held.socket === line.view.runtime.name && isSameLine(held, line);
}

/** The lines that a host is held out of, of those that lead to it. */
export function heldOnly<Line extends ServerLine>({ backends, ports }: HeldHost, lines: readonly Line[]): Line[] {
  return lines.filter(
    ({ view, server }) =>
      (backends === undefined || backends.includes(view.backend)) &&
      (ports.length === 0 || ports.includes(server.port)),
  );
}

export interface HoldOrigin {
  readonly caller: string;
  readonly runId: string;
}

/**
 * The hold of a host that is about to be taken out. If it is taken out again, the first time and caller are kept.
 * @param origin undefined for a host that is already out: start and caller are unknown
 */
export function beginHold(
  host: ScopedHost,
  scope: { readonly backends: readonly string[] | undefined; readonly ports: readonly number[] },
  before: HeldHost | undefined,
  origin: HoldOrigin | undefined,
): HeldHost {
  const lines = toHeldLines(host.chosen, before?.lines ?? [], ({ server }) => server.agent.enabled);
  const kept = (before?.lines ?? []).filter((one) => !host.chosen.some((line) => isSameName(one, line)));
  const backends =
    scope.backends === undefined || (before !== undefined && before.backends === undefined)
      ? {}
      : { backends: [...new Set([...(before?.backends ?? []), ...scope.backends])] };
  const by =
    origin === undefined || before !== undefined
      ? pickOrigin(before)
      : { since: Date.now(), caller: origin.caller, run: origin.runId };
  return {
    ...joinIdentity(before, identityOf(host)),
    ...backends,
    ports:
      before !== undefined && before.ports.length === 0
        ? []
        : joinPorts(before?.ports ?? [], portsOf(host, scope.ports)),
    lines: [...kept, ...lines],
    stage: 'leaving',
    ...by,
    ...otherRuns(host, before, origin?.runId ?? ''),
    ...(origin === undefined && before?.outSince !== undefined ? { outSince: before.outSince } : {}),
    breaks: before?.breaks ?? [],
    processes: before?.processes ?? {},
  };
}

/** Backends that it is held out of from now on, by another than the hold itself. */
function otherRuns(host: ScopedHost, before: HeldHost | undefined, run: string): Pick<HeldHost, 'runs'> {
  const byBackend = Map.groupBy(host.chosen, ({ view }) => view.backend);
  const added = [...byBackend].filter(([, lines]) => before === undefined || heldOnly(before, lines).length === 0);
  const isAdded = new Set(added.map(([backend]) => backend));
  const kept = Object.entries(before?.runs ?? {}).filter(([backend]) => !isAdded.has(backend));
  const runs = added.map(([backend, lines]) => {
    // Somebody else took a line of it out before.
    const wasOut = lines.some(({ server }) => inMaintenance(server) || adminStateOf(server) !== 'ready');
    return [backend, wasOut ? '' : run] as const;
  });
  const usual = before === undefined ? run : before.run;
  return runsFrom([...kept, ...runs.filter(([, own]) => own !== usual)]);
}

function runsFrom(runs: readonly (readonly [backend: string, run: string])[]): Pick<HeldHost, 'runs'> {
  return runs.length === 0 ? {} : { runs: Object.fromEntries(runs) };
}

/** Whether the run took it out of the backend: what was out before it began, it must not bring in. */
export function isHeldBy({ run, runs }: HeldHost, backend: string, runId: string): boolean {
  const own = runs !== undefined && Object.hasOwn(runs, backend) ? runs[backend] : run;
  return runId !== '' && own === runId;
}

/** Holds of hosts that were just seen to be out: from here on every break counts. */
function confirmHold(
  held: HeldHost,
  lines: readonly ServerLine[],
  processes: Readonly<Record<string, HaproxyInfo>>,
): HeldHost {
  const rest = held.lines.filter((one) => !lines.some((line) => isSameName(one, line)));
  return {
    ...held,
    lines: [...rest, ...toHeldLines(lines, held.lines, ({ server }) => server.agent.enabled)],
    stage: 'out',
    outSince: held.outSince ?? Date.now(),
    processes: { ...held.processes, ...processes },
  };
}

/** Confirms the holds of hosts. */
export async function confirmHolds(
  watch: { readonly hosts: () => readonly HeldHost[]; readonly put: (hosts: readonly HeldHost[]) => Promise<void> },
  hosts: readonly ScopedHost[],
  views: readonly BackendView[],
  processes: Readonly<Record<string, HaproxyInfo>>,
): Promise<void> {
  const held = new Map(watch.hosts().map((one) => [one.host, one]));
  const confirmed = hosts.flatMap((host) => {
    const one = held.get(host.name);
    return one === undefined
      ? []
      : [confirmHold(one, refreshLines([...host.chosen, ...host.followers], views), processes)];
  });
  await watch.put(confirmed);
}

export function outSinceOf(held: readonly HeldHost[], name: string): { out_since?: number } {
  const since = held.find(({ host }) => host === name)?.outSince;
  return since === undefined ? {} : { out_since: since };
}

/** The rest of a hold once the host is in on its chosen lines: undefined if there is none. */
export function endHold(
  held: HeldHost,
  host: ScopedHost,
  narrowing: { readonly backends: readonly string[] | undefined; readonly ports: readonly number[] },
): HeldHost | undefined {
  const isOneOf = (lines: readonly ServerLine[]) => (one: HeldLine) => lines.some((line) => isSameName(one, line));
  const isIn = isOneOf(affectedLines(host));
  const left = held.lines.filter((one) => !isIn(one));
  // Lines that are left although the call was about everything are gone, or were not to be put in.
  const everything = narrowing.backends === undefined && narrowing.ports.length === 0;
  if (left.length === 0 || (everything && !left.some(isOneOf(host.lines)))) return undefined;
  const backends = [...new Set(left.map(({ backend }) => backend))];
  const ports =
    narrowing.ports.length === 0 ? held.ports : left.map(({ address }) => Number(/\d+$/.exec(address)?.[0]));
  const { runs: before = {}, ...rest } = held;
  return {
    ...rest,
    backends,
    ports: [...new Set(ports)],
    lines: left,
    stage: 'out',
    outSince: Date.now(),
    ...runsFrom(Object.entries(before).filter(([backend]) => backends.includes(backend))),
  };
}

/** Requested as `ADDRESS:PORT`, a host is only chosen at that port. */
function portsOf({ name, chosen }: ScopedHost, ports: readonly number[]): readonly number[] {
  const literal = chosen.some(({ server }) => server.address === name);
  return literal ? chosen.map(({ server }) => server.port) : ports;
}

function joinPorts(before: readonly number[], more: readonly number[]): number[] {
  return [...new Set([...before, ...more])];
}

function pickOrigin(before: HeldHost | undefined) {
  if (before?.since === undefined) return undefined;
  return { since: before.since, caller: before.caller ?? '', run: before.run ?? '' };
}

function joinIdentity(before: HostIdentity | undefined, now: HostIdentity): HostIdentity {
  return {
    host: now.host,
    addresses: [...new Set([...(before?.addresses ?? []), ...now.addresses])],
    fqdns: [...new Set([...(before?.fqdns ?? []), ...now.fqdns])],
  };
}

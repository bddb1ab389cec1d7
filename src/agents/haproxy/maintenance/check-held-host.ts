/** Checks whether a held host is out in one HAProxy process, and takes it out again if it is not. */
import { type HaproxyInfo, isAnother, readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type BackendView, refreshViews } from '../servers/backend.ts';
import { release } from '../into-traffic/rule.ts';
import { setAgentCheck, setState } from '../servers/change.ts';
import { findHeldLines, identityOf } from '../servers/host.ts';
import { linesOf, refreshLines, type ServerLine } from '../servers/line.ts';
import { isVacant } from '../servers/server.ts';
import { inForcedMaintenance, inMaintenance } from '../servers/state.ts';
import { breakOf, type Found, unexpectedSessions } from './cause.ts';
import { addBreaks, type Break, findHeldLine, type HeldHost, heldOnly, isSameName, toHeldLines } from './held-hosts.ts';

/** The current state of one HAProxy process. */
export interface ProcessView {
  readonly runtime: Runtime;
  readonly info: HaproxyInfo;
  readonly views: readonly BackendView[];
}

export interface Checked {
  readonly host: HeldHost;
  /** The breaks that this check found. */
  readonly breaks: readonly Break[];
}

/** @param others other held hosts: their lines are left alone */
export async function checkHost(
  host: HeldHost,
  others: readonly HeldHost[],
  process: ProcessView,
  signal: AbortSignal,
): Promise<Checked> {
  const all = linesOf(process.views);
  const lines = heldOnly(host, findHeldLines(host, all));
  const known = host.processes[process.runtime.name];
  const found = lines.map((line) => ({
    line,
    before: findHeldLine(host.lines, line),
    processes: { known, now: process.info },
  }));
  await takeOut(lines, signal);
  // A hold that was never confirmed (the daemon ended in the middle of it) cannot be broken yet.
  const breaks = host.outSince === undefined ? [] : await judgeAll(found, process, signal);
  await releaseAll(linesOfOtherHosts(host, others, lines, all), host, signal);
  const after = await confirm(lines, process, signal);
  const outSince = breaks.length > 0 || host.outSince === undefined ? Date.now() : host.outSince;
  return { host: record(host, process, after, outSince, breaks), breaks };
}

/**
 * A reload right after the process was identified may have caused what was read then: it is identified once more. A
 * break is recorded even if that fails.
 */
async function judgeAll(found: readonly Found[], process: ProcessView, signal: AbortSignal): Promise<Break[]> {
  const at = Date.now();
  const judgedBy = (all: readonly Found[]) => all.flatMap((one) => judge(one, at) ?? []);
  const breaks = judgedBy(found);
  if (breaks.length === 0) return breaks;
  const now = await readInfo(process.runtime, signal).catch(() => process.info);
  return judgedBy(found.map((one) => ({ ...one, processes: { ...one.processes, now } })));
}

function judge(found: Found, at: number): Break | undefined {
  const { line, before, processes } = found;
  // One without an address takes no traffic, whatever a reload made it forget.
  if (!inMaintenance(line.server) && !isVacant(line.server)) return breakOf(found, at);
  const again = processes.known !== undefined && isAnother(processes.known, processes.now);
  const known = before?.total ?? line.server.total;
  // A lower number: somebody set the counters to 0 (“clear counters all”).
  const baseline = again || line.server.total < known ? 0 : known;
  const sessions = line.server.total - baseline;
  return sessions > 0 ? unexpectedSessions(found, sessions, at) : undefined;
}

/** The agent-check goes first: its answer could undo maintenance. */
async function takeOut(lines: readonly ServerLine[], signal: AbortSignal): Promise<void> {
  for (const line of lines) {
    if (line.server.agent.enabled) await setAgentCheck(line, false, signal);
    if (!inMaintenance(line.server)) await setState(line, 'maint', signal);
  }
}

/** Lines that were put into maintenance for the host and, after a reload or a new address, lead to another one. */
function linesOfOtherHosts(
  host: HeldHost,
  others: readonly HeldHost[],
  own: readonly ServerLine[],
  all: readonly ServerLine[],
): ServerLine[] {
  return all.filter((line) => {
    const named = host.lines.find((one) => isSameName(one, line));
    if (named === undefined || named.address === line.server.address || own.includes(line)) return false;
    if (!inForcedMaintenance(line.server)) return false;
    return !others.some((other) => heldOnly(other, findHeldLines(other, [line])).length > 0);
  });
}

/** Ends the maintenance of lines, with their agent-checks as before. */
async function releaseAll(lines: readonly ServerLine[], host: HeldHost, signal: AbortSignal): Promise<void> {
  for (const line of lines) {
    await release(line, signal);
    const wasOn = host.lines.some((one) => isSameName(one, line) && one.agent);
    if (wasOn && line.server.agent.configured) await setAgentCheck(line, true, signal);
  }
}

/** Reads the lines again, if something was changed. */
async function confirm(lines: readonly ServerLine[], { views }: ProcessView, signal: AbortSignal) {
  if (lines.every(({ server }) => inMaintenance(server) && !server.agent.enabled)) return lines;
  const touched = views.filter((view) => lines.some((line) => line.view === view));
  return refreshLines(lines, await refreshViews(touched, signal));
}

function record(
  host: HeldHost,
  { runtime, info }: ProcessView,
  lines: readonly ServerLine[],
  outSince: number,
  breaks: readonly Break[],
): HeldHost {
  const rest = host.lines.filter(({ socket }) => socket !== runtime.name);
  const { addresses, fqdns } = identityOf({ name: host.host, lines });
  return {
    ...host,
    // A host that HAProxy finds by its name may get another address while it is held.
    addresses: [...new Set([...host.addresses, ...addresses])],
    fqdns: [...new Set([...host.fqdns, ...fqdns])],
    lines: [...rest, ...toHeldLines(lines, host.lines, ({ server }) => server.agent.configured)],
    outSince,
    breaks: addBreaks(host, breaks),
    processes: { ...host.processes, [runtime.name]: info },
  };
}

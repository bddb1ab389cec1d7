import type { ActionContext } from '../../../core/agent.ts';
import { beginHold, confirmHolds, type HeldHost, outSinceOf } from '../maintenance/held-hosts.ts';
import { forEach } from '../runtime/parallel.ts';
import { requireEveryProcess } from '../runtime/every-process.ts';
import { findOtherProcesses } from '../runtime/other-processes.ts';
import { pidsOf, readInfos } from '../runtime/process.ts';
import type { BackendView } from '../servers/backend.ts';
import { guardCapacity } from '../servers/capacity.ts';
import { processesLeadingTo } from '../servers/elsewhere.ts';
import { lineKey, refreshLines, type ServerLine } from '../servers/line.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { endSessions, type LeavingHost, waitForSessions } from '../servers/sessions.ts';
import { inMaintenance } from '../servers/state.ts';
import { type ChangeReport, formatHost, namesOf, reportHost } from './report.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { readChangeRequest, type Request, type ScopeInput } from './change-request.ts';
import { awaitReplaced } from './await-replaced.ts';
import { stayOut } from './stay-out.ts';
import { type Changes, trackChanges } from './undo.ts';

export interface DisableInput extends ScopeInput {
  readonly min_available?: number | undefined;
  /** Seconds for sessions to end; the configuration decides if omitted. */
  readonly drain_timeout?: number | undefined;
  /** Whether to end the remaining sessions by force. */
  readonly shutdown?: boolean | undefined;
}

export interface DisableReport extends ChangeReport {
  /** Sessions that were ended by force, if requested. */
  readonly ended?: number;
}

/**
 * Takes hosts out of traffic without cutting off sessions: agent-checks off (their answers could undo all this), no new
 * sessions, then the end of the running ones (or a deadline), then maintenance, then, if requested, the end of the
 * rest. All lines of all hosts in all processes, or none; and a second check after a moment, to see that it lasts. What
 * a reload replaced must have ended, too: it may still send requests to hosts that are out in the process that answers.
 */
export async function disable(
  balancer: LoadBalancer,
  input: DisableInput,
  context: ActionContext,
): Promise<DisableReport> {
  const needed = input.shutdown === true ? (['shutdown sessions server'] as const) : [];
  // Held hosts are checked first: they may have been put in meanwhile.
  if (!context.dryRun) await balancer.watch.checkNow(context.signal);
  const request = await readChangeRequest(balancer, input, context, needed);
  const processes = await readInfos(balancer.runtimes, context.signal);
  requireEveryProcess(processes);
  const staying = request.hosts.filter((host) => affectedLines(host).every(({ server }) => inMaintenance(server)));
  const leaving = request.hosts.filter((host) => !staying.includes(host));
  const out = leaving.flatMap(affectedLines);
  const left = guardCapacity(request.views, out, input.min_available ?? balancer.config.min_available);
  const others = await findOtherProcesses(pidsOf(processes));
  const describe = (host: ScopedHost) => {
    const { still_serving: serving, ...rest } = reportHost(host);
    return { ...rest, still_serving: [...serving, ...processesLeadingTo(host, others)] };
  };
  const report = {
    backend: request.backends.join(','),
    changed: namesOf(leaving),
    unchanged: namesOf(staying),
    hosts: request.hosts.map(describe),
  };
  if (context.dryRun) return { ...report, available: left };
  const views = await takeOut(balancer, request, { leaving, staying }, input, context);
  // Also of those that were already out: a second call with “shutdown” ends what the first one left.
  const ended = input.shutdown === true ? { ended: await endSessions(request.hosts.map(toLeaving), context) } : {};
  const held = balancer.watch.hosts();
  const hosts = request.hosts.map((host) => ({
    ...describe(host),
    ...outSinceOf(held, host.name),
    ...(input.shutdown === true ? {} : sessionsLeft(host, views)),
  }));
  return { ...report, hosts, available: left, ...ended };
}

/** Of a host whose sessions did not end in time. */
function sessionsLeft(host: ScopedHost, views: readonly BackendView[]): { sessions_left?: number } {
  const left = refreshLines(affectedLines(host), views).reduce((sum, { server }) => sum + server.sessions, 0);
  return left === 0 ? {} : { sessions_left: left };
}

function toLeaving(host: ScopedHost): LeavingHost {
  return { shown: formatHost(host), lines: affectedLines(host) };
}

interface Hosts {
  readonly leaving: readonly ScopedHost[];
  /** Already out; from now on they stay out. */
  readonly staying: readonly ScopedHost[];
}

async function takeOut(
  balancer: LoadBalancer,
  request: Request,
  { leaving, staying }: Hosts,
  { drain_timeout: seconds = balancer.config.drain_timeout }: DisableInput,
  context: ActionContext,
): Promise<readonly BackendView[]> {
  const { watch, config } = balancer;
  const { signal } = context;
  const before = watch.hosts();
  const deadline = performance.now() + Math.max(seconds, config.replaced_timeout) * 1000;
  const changes = trackChanges();
  const lines = commandedLines(leaving);
  try {
    // Stored on disk first: whatever happens now, their earlier state is known, and that they must be out.
    await watch.put([...holdsOf(leaving, request, before, context), ...holdsOf(staying, request, before, undefined)]);
    await switchAgentsOff(changes, request.hosts, signal);
    await setAll(changes, lines, 'drain', signal);
    const drained = await waitForSessions(leaving.map(toLeaving), seconds, context);
    // As they are now: a check may have failed while sessions ended.
    await setAll(changes, refreshLines(lines, drained), 'maint', signal);
    let out = await stayOut(changes, request, config.settle * 1000, signal);
    const replaced = { config, hosts: request.hosts, before, processes: out.processes, deadline };
    if (await awaitReplaced(replaced, context)) out = await stayOut(changes, request, config.settle * 1000, signal);
    await confirmHolds(watch, request.hosts, out.views, out.processes);
    return out.views;
  } catch (failure) {
    const problem = await changes.putBack(failure);
    await forget(balancer, request, before);
    throw problem;
  }
}

/** The lines that get commands; those that track another of them go with it. */
function commandedLines(hosts: readonly ScopedHost[]): ServerLine[] {
  const all = hosts.flatMap(({ chosen }) => chosen);
  const names = new Set(all.map(lineKey));
  return all.filter(({ view, server }) => !names.has(`${view.runtime.name} ${server.tracked}`));
}

function holdsOf(
  hosts: readonly ScopedHost[],
  { narrowing }: Request,
  before: readonly HeldHost[],
  context: ActionContext | undefined,
): HeldHost[] {
  return hosts.map((host) =>
    beginHold(
      host,
      narrowing,
      before.find((one) => one.host === host.name),
      context,
    ),
  );
}

/** Also those of hosts that were already out: their answers could put them in. */
function switchAgentsOff(changes: Changes, hosts: readonly ScopedHost[], signal: AbortSignal): Promise<void> {
  const on = hosts.flatMap(affectedLines).filter(({ server }) => server.agent.enabled);
  return forEach(on, (line) => changes.setAgent(line, false, signal));
}

/** Sets the state of each line that is not in maintenance yet. */
function setAll(
  changes: Changes,
  lines: readonly ServerLine[],
  state: 'drain' | 'maint',
  signal: AbortSignal,
): Promise<void> {
  const open = lines.filter(({ server }) => !inMaintenance(server));
  return forEach(open, (line) => changes.set(line, state, signal));
}

/** Holds as they were before the call. */
async function forget({ watch }: LoadBalancer, { hosts }: Request, before: readonly HeldHost[]): Promise<void> {
  const kept = before.filter(({ host }) => hosts.some(({ name }) => name === host));
  const gone = namesOf(hosts).filter((name) => !kept.some(({ host }) => host === name));
  // The caller must receive the first failure.
  await Promise.allSettled([watch.put(kept), watch.remove(gone)]);
}

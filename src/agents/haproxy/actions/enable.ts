import type { ActionContext } from '../../../core/agent.ts';
import { agentWasOn, type HeldHost } from '../maintenance/held-hosts.ts';
import { pause } from '../runtime/mutex.ts';
import { forEach } from '../runtime/parallel.ts';
import type { Processes } from '../runtime/process.ts';
import { type BackendView, refreshViews } from '../servers/backend.ts';
import { countAvailable } from '../servers/capacity.ts';
import { linesOf, type ServerLine } from '../servers/line.ts';
import type { ScopedHost } from '../servers/scope.ts';
import { adminStateOf, inRotation } from '../servers/state.ts';
import { findLine } from './enable-line.ts';
import { defineHostEntry } from './enable-host.ts';
import { heldOf, holdAgain, keepHolds, openHolds, releaseHolds } from './enable-holds.ts';
import {
  affectedLines,
  type ChangeReport,
  haveAgentChecks,
  type LoadBalancer,
  namesOf,
  readChangeRequest,
  type Request,
  reportHost,
  type ScopeInput,
} from './request.ts';
import { trackChanges } from './undo.ts';
import { waitForAll } from './enable-wait.ts';

export interface EnableInput extends ScopeInput {
  /** Whether to leave out what another than the calling run took out. */
  readonly own?: boolean | undefined;
}

/**
 * Puts hosts into traffic, each once a health check begun after this call has passed on every line of it, and its
 * agent-check agrees. Until then it is in drain, where HAProxy checks it but sends it nobody: straight after `ready` it
 * would pass for up, and get requests, for as long as a check interval. One that does not come up stays out; the others
 * stay in.
 * @param known the processes as they were before the call: in one that replaces them it begins again
 */
export async function enable(
  balancer: LoadBalancer,
  input: EnableInput,
  context: ActionContext,
  known: Processes,
): Promise<ChangeReport> {
  // Kept on disk before the first command: should the daemon end, what is held is to be out again. A look leaves it alone from here on.
  const { request, meant, coming } = await balancer.watch.betweenLooks(async () => {
    const arrival = await planEnable(balancer, input, context);
    if (!context.dryRun) await openHolds(balancer, arrival.meant);
    return arrival;
  }, context.signal);
  const held = balancer.watch.hosts();
  const heldOut = coming.filter((host) => isHeldOut(host) || heldOf(held, host) !== undefined);
  const report = {
    backend: request.backends.join(','),
    // A server that only its checks keep out is waited for, but not changed.
    changed: namesOf(heldOut),
    unchanged: namesOf(request.hosts.filter((host) => !heldOut.includes(host))),
    hosts: request.hosts.map(reportHost),
  };
  if (context.dryRun) {
    const assumed = { in: coming.flatMap(affectedLines) };
    return { ...report, available: countAvailable(request.views, assumed) };
  }
  try {
    const views =
      coming.length === 0 ? request.views : await putInToStay(balancer, request, { coming, known }, context);
    await releaseHolds(balancer, request, meant);
    return { ...report, available: countAvailable(views) };
  } catch (failure) {
    await keepHolds(balancer, meant).catch(() => {});
    throw failure;
  }
}

interface EnablePlan {
  readonly request: Request;
  /** The hosts that the call is about. */
  readonly meant: readonly ScopedHost[];
  /** Those of them that are not in. */
  readonly coming: readonly ScopedHost[];
}

async function planEnable(balancer: LoadBalancer, input: EnableInput, context: ActionContext): Promise<EnablePlan> {
  const request = await readChangeRequest(balancer, input, context);
  const meant = input.own === true ? request.hosts.filter(({ name }) => isOwn(balancer, name, context)) : request.hosts;
  const held = balancer.watch.hosts();
  return { request, meant, coming: meant.filter((host) => !isIn(host, heldOf(held, host))) };
}

/** Whether the run that calls took it out: what was out before it began, it must not bring in. */
function isOwn({ watch }: LoadBalancer, name: string, { runId }: ActionContext): boolean {
  return runId !== '' && watch.hosts().find(({ host }) => host === name)?.run === runId;
}

/** With its agent-checks as they are to be. */
function isIn(host: ScopedHost, held: HeldHost | undefined): boolean {
  const silenced = host.chosen.some((line) => agentBelongsOn(line, held) && !line.server.agent.enabled);
  return !silenced && affectedLines(host).every(({ server }) => inRotation(server));
}

function isHeldOut({ chosen }: ScopedHost): boolean {
  return chosen.some(({ server }) => adminStateOf(server) !== 'ready');
}

/** Whether the line’s agent-check is to be on: as it was before the host was taken out. */
function agentBelongsOn(line: ServerLine, held: HeldHost | undefined): boolean {
  const { configured, enabled } = line.server.agent;
  return configured && (enabled || agentWasOn(held?.lines ?? [], line) === true);
}

interface Arriving {
  readonly coming: readonly ScopedHost[];
  readonly known: Processes;
}

/** How often hosts are put in that an agent-check takes out again at once. */
const tries = 3;

/**
 * Puts hosts in. Where one of their lines has an agent-check, checks after a moment that they are still in: its next answer may
 * take them out again.
 */
async function putInToStay(
  balancer: LoadBalancer,
  request: Request,
  { coming, known }: Arriving,
  context: ActionContext,
): Promise<readonly BackendView[]> {
  let hosts = coming;
  for (let number = 1; ; number++) {
    const views = await putIn(balancer, request, { coming: hosts, known }, context);
    if (number === tries || !haveAgentChecks(hosts)) return views;
    await pause(balancer.config.settle * 1000, context.signal);
    const now = linesOf(await refreshViews(request.views, context.signal).catch(() => views));
    hosts = hosts.map((host) => atPresent(host, now)).filter(isHeldOut);
    if (hosts.length === 0) return views;
  }
}

/** The host with its lines as they are now. */
function atPresent(host: ScopedHost, now: readonly ServerLine[]): ScopedHost {
  const lines = (some: readonly ServerLine[]) => some.flatMap((line) => findLine(line, now) ?? []);
  return { ...host, chosen: lines(host.chosen), followers: lines(host.followers) };
}

async function putIn(
  balancer: LoadBalancer,
  request: Request,
  { coming, known }: Arriving,
  context: ActionContext,
): Promise<readonly BackendView[]> {
  const { watch } = balancer;
  const held = watch.hosts();
  const changes = trackChanges();
  const entries = coming.map((host) =>
    defineHostEntry(host, (line) => agentBelongsOn(line, heldOf(held, host)), changes, context.signal),
  );
  try {
    await forEach(entries, (entry) => entry.begin());
    return await waitForAll(balancer, request, { entries, known }, context.signal);
  } catch (failure) {
    const unfinished = entries.filter((entry) => !entry.isIn());
    const lines = unfinished.flatMap(({ host }) => host.chosen);
    const problem = await changes.putBack(failure, lines);
    // What failed first is what the caller must hear of.
    await releaseHolds(
      balancer,
      request,
      entries.filter((entry) => entry.isIn()).map(({ host }) => host),
    ).catch(() => {});
    await holdAgain(
      balancer,
      request,
      unfinished.map(({ host }) => host),
      context,
    ).catch(() => {});
    throw problem;
  }
}

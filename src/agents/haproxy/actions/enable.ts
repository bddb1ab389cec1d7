import type { ActionContext } from '../../../core/agent.ts';
import { heldOf, keepHolds, openHolds, releaseHolds } from '../into-traffic/enable-holds.ts';
import { agentBelongsOn, isOut, putInToStay } from '../into-traffic/put-in.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { type HeldHost, isHeldBy } from '../maintenance/held-hosts.ts';
import type { Processes } from '../runtime/process.ts';
import { countAvailable } from '../servers/capacity.ts';
import { followersOf, linesOf } from '../servers/line.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { servesAsConfigured } from '../servers/state.ts';
import { readChangeRequest, type Request, type ScopeInput } from './change-request.ts';
import { type ChangeReport, namesOf, reportHost } from './report.ts';

export interface EnableInput extends ScopeInput {
  /** Whether to leave out what another than the calling run took out. */
  readonly own?: boolean | undefined;
}

/**
 * Puts each host in traffic as soon as a health check that began after this call has passed on all its lines, and its
 * agent-check agrees; `into-traffic/rule.ts` has the rule. A host that does not come up stays out; the others stay in.
 * @param known the processes as they were before the call: in one that replaces them it begins again
 */
export async function enable(
  balancer: LoadBalancer,
  input: EnableInput,
  context: ActionContext,
  known: Processes,
): Promise<ChangeReport> {
  // Kept on disk before the first command: if the daemon ends meanwhile, held hosts must be out again.
  const { request, selected, entering } = await balancer.watch.betweenChecks(async () => {
    const plan = await planEnable(balancer, input, context);
    if (!context.dryRun) await openHolds(balancer, plan.selected);
    return plan;
  }, context.signal);
  const held = balancer.watch.hosts();
  const changing = selected.filter(
    (host) => isGone(host) || (entering.includes(host) && (isOut(host) || heldOf(held, host) !== undefined)),
  );
  const names = new Set(namesOf(changing));
  const report = {
    backend: request.backends.join(','),
    // A server that only its checks keep out is waited for, but not changed.
    changed: namesOf(changing),
    unchanged: namesOf(request.hosts.filter(({ name }) => !names.has(name))),
    // Of a host that is put in only in part, the lines of that part.
    hosts: request.hosts.map((host) => reportHost(selected.find(({ name }) => name === host.name) ?? host)),
  };
  if (context.dryRun) {
    // With a configured weight of 0, a line is in and gets nothing new.
    const assumed = { in: entering.flatMap(affectedLines).filter(({ server }) => server.initialWeight > 0) };
    return { ...report, available: countAvailable(request.views, assumed) };
  }
  try {
    const views =
      entering.length === 0 ? request.views : await putInToStay(balancer, request, { hosts: entering, known }, context);
    await releaseHolds(balancer, request, selected);
    return { ...report, available: countAvailable(views) };
  } catch (failure) {
    await keepHolds(balancer, selected).catch(() => {});
    throw failure;
  }
}

interface EnablePlan {
  readonly request: Request;
  /** The hosts that the call may put in. */
  readonly selected: readonly ScopedHost[];
  /** Those of them that are not in. */
  readonly entering: readonly ScopedHost[];
}

async function planEnable(balancer: LoadBalancer, input: EnableInput, context: ActionContext): Promise<EnablePlan> {
  const request = await readChangeRequest(balancer, input, context);
  const held = balancer.watch.hosts();
  const selected =
    input.own === true ? request.hosts.flatMap((host) => ownPart(host, request, held, context)) : request.hosts;
  return { request, selected, entering: selected.filter((host) => !isIn(host, heldOf(held, host))) };
}

/** A held host that no line leads to any more: its hold ends, and that is all there is to do. */
function isGone({ lines }: ScopedHost): boolean {
  return lines.length === 0;
}

/** The host in the backends that the run that calls took it out of; nothing if there is none. */
function ownPart(
  host: ScopedHost,
  { views }: Request,
  held: readonly HeldHost[],
  { runId }: ActionContext,
): ScopedHost[] {
  const own = held.find((one) => one.host === host.name);
  if (own === undefined) return [];
  const chosen = host.chosen.filter(({ view }) => isHeldBy(own, view.backend, runId));
  if (chosen.length === host.chosen.length) return [host];
  return chosen.length === 0 ? [] : [{ ...host, chosen, followers: followersOf(chosen, linesOf(views)) }];
}

/** Whether HAProxy uses it, and its agent-checks are on if they must be. */
function isIn(host: ScopedHost, held: HeldHost | undefined): boolean {
  const silenced = host.chosen.some((line) => agentBelongsOn(line, held) && !line.server.agent.enabled);
  return !silenced && affectedLines(host).every(({ server }) => servesAsConfigured(server));
}

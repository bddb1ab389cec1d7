/** Tracks the hosts that the run took out of traffic, from the replies of the nodes that did it. */
import { actionOf, inputNames } from '../../core/ddl/ddl.ts';
import type { HostHold, RunChanges, RunContext } from '../context.ts';
import type { StepReply } from './reply.ts';
import type { StepCall } from './step-call.ts';

/**
 * Call it with the replies of every call that changes something.
 * @param stale whether the call was made before the run was resumed
 */
export function noteTraffic(call: StepCall, replies: readonly StepReply[], stale: boolean): void {
  const { traffic } = call.plan.ddl;
  if (traffic === undefined || call.dryRun) return;
  const { holds } = call.run.changes;
  for (const { node, data } of replies.filter(({ ok }) => ok)) {
    for (const host of hostsOf(call)) {
      const key = `${host} ${node}`;
      if (traffic.takes === 'in') holds.delete(key);
      else holds.set(key, toHold(call, host, node, data, stale));
    }
  }
}

/** The hosts that a call takes out of traffic or puts in. */
export function hostsOf({ plan, input }: StepCall): string[] {
  const list = plan.ddl.traffic === undefined ? undefined : input[plan.ddl.traffic.hosts];
  return typeof list === 'string' ? [...new Set(list.split(','))] : [];
}

function toHold(call: StepCall, host: string, node: string, data: StepReply['data'], stale: boolean): HostHold {
  const { plan, input, step } = call;
  const { hosts = '', proof = '' } = plan.ddl.traffic ?? {};
  const action = actionOf(plan.agentDdl, proof);
  const known = new Set(action === undefined ? [] : inputNames(action));
  const scope = Object.entries(input).filter(([name]) => name !== hosts && known.has(name));
  return {
    host,
    node,
    since: outSinceIn(data.hosts, host),
    step: step.id,
    stale,
    proof: { agent: plan.agent, action: proof, hosts, input: Object.fromEntries(scope) },
  };
}

/** `out_since` of the host in a list of `{name, out_since}`. */
export function outSinceIn(list: unknown, host: string): number | undefined {
  const since = findHost(list, host)?.out_since;
  return typeof since === 'number' ? since : undefined;
}

export function findHost(list: unknown, host: string): Readonly<Record<string, unknown>> | undefined {
  const hosts: unknown[] = Array.isArray(list) ? list : [];
  return hosts
    .filter((one) => typeof one === 'object' && one !== null)
    .find((one) => (one as { name?: unknown }).name === host) as Readonly<Record<string, unknown>> | undefined;
}

/**
 * The holds that a change of these nodes relies on: those of the nodes themselves, and those of hosts whose names are
 * not names of nodes (a load balancer's own names): these may be any of the nodes.
 */
export function holdsOn(nodes: readonly string[], run: RunContext): HostHold[] {
  return allHolds(run.changes).filter(({ host }) => nodes.includes(host) || !run.isKnownNode(host));
}

export function allHolds({ holds }: RunChanges): HostHold[] {
  return [...holds.values()];
}

/**
 * Chooses the strategy of an upgrade: all servers together if the remaining ones can carry the load, else a batch at a
 * time.
 */
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { count } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';

export interface Strategy {
  readonly name: 'parallel' | 'rolling' | 'canary';
  readonly batch: string | undefined;
  /** In words; undefined if it was requested, or if the run itself will report the fault. */
  readonly why?: string | undefined;
}

interface UpgradeTargets extends CommonOptions {
  readonly cluster: string;
  readonly backend?: string;
  readonly minAvailable?: string;
}

/** The load balancers' reply about taking so many servers out: how many stay usable at least, or that it is too few. */
export type Capacity = { readonly left: number } | { readonly refused: string } | undefined;

/** Asks the load balancers by dry runs of the calls of the upgrade. */
export function chooseStrategy(
  options: UpgradeTargets,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<Strategy> {
  return withSession(options, context, async (session) => {
    const find = (agent: string, facts: readonly string[]) => {
      const targets = readTargetOptions(options, agent);
      return session.find({ ...targets, filter: { ...targets.filter, facts: [...targets.filter.facts, ...facts] } });
    };
    const [web, balancers] = await Promise.all([find('appmgr', [`cluster=${options.cluster}`]), find('haproxy', [])]);
    const servers = web.nodes.map(({ name }) => name);
    const ask = (some: readonly string[]) => askCapacity(some, balancers.nodes, options, session, catalogue, context);
    if (servers.length === 0 || balancers.nodes.length === 0) return { name: 'parallel', batch: undefined };
    return decideStrategy(servers, ask);
  });
}

/** Pure except for its questions. @param ask returns what would stay when these are taken out */
export async function decideStrategy(
  servers: readonly string[],
  ask: (servers: readonly string[]) => Promise<Capacity>,
): Promise<Strategy> {
  const all = await ask(servers);
  // The run itself reports other faults better.
  if (all === undefined) return { name: 'parallel', batch: undefined };
  const enough = 'left' in all && all.left >= servers.length;
  if (enough) {
    const why = `all ${servers.length} servers at once: ${all.left} others stay in traffic`;
    return { name: 'parallel', batch: undefined, why };
  }
  const reason = 'left' in all ? `only ${count(all.left, 'other')} would stay in traffic` : all.refused;
  const two = servers.length > 2 ? await ask(servers.slice(0, 2)) : undefined;
  const batch = two !== undefined && 'left' in two ? '2' : '1';
  return { name: 'rolling', batch, why: `${batch} at a time: with all ${servers.length} out, ${reason}` };
}

/** A dry run: no load balancer changes anything. */
export async function askCapacity(
  servers: readonly string[],
  balancers: Parameters<typeof callNodes>[1],
  { backend, minAvailable }: UpgradeTargets,
  session: Session,
  catalogue: readonly Ddl[],
  context: Pick<CliContext, 'signal'>,
): Promise<Capacity> {
  const ddl = requireDdl(catalogue, 'haproxy');
  const least = Number(minAvailable);
  const input = {
    server: servers.join(','),
    ...(backend === undefined ? {} : { backend }),
    ...(minAvailable === undefined || !Number.isSafeInteger(least) ? {} : { min_available: least }),
  };
  const call = { ddl, action: 'disable', input: () => input, dryRun: true };
  return capacityOf(await callNodes(call, balancers, session, context.signal));
}

function capacityOf(outcomes: readonly Outcome[]): Capacity {
  const few = outcomes.find(({ code }) => code === 'too-few-servers');
  if (few !== undefined) return { refused: few.message };
  // A load balancer that has none of them does not count.
  const counts = outcomes.flatMap(({ outcome, data }) =>
    outcome === 'ok' && typeof data.available === 'number' ? [data.available] : [],
  );
  return counts.length === 0 ? undefined : { left: Math.min(...counts) };
}

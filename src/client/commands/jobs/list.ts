import type { Ddl } from '../../../core/ddl/ddl.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { CliContext } from '../../cli/context.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { callerName } from '../../render/caller.ts';
import { indented } from '../../render/missing.ts';
import { printTable } from '../../render/table.ts';
import { ago } from '../../render/times.ts';
import { actionFor, headOf, type JobsOptions, type NodeJob, nodeJson } from './job.ts';

/** Prints each job once, with the number of nodes in each state. */
export function listJobs(options: JobsOptions, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  const ddl = requireDdl(catalogue, 'jobs');
  return overNodes(options, nodesOf(options, ddl.name), context, async ({ nodes }, session) => {
    const action = actionFor('list', options);
    const outcomes = await callNodes({ ddl, action, input: () => ({}) }, nodes, session, context.signal);
    const all = outcomes.flatMap(({ node, outcome, data }) =>
      outcome === 'ok' ? (data.jobs as NodeJob[]).map((job) => ({ ...job, node })) : [],
    );
    const jobs = [...Map.groupBy(all, ({ id, caller }) => `${id} ${caller}`).values()].sort(
      ([a], [b]) => (b?.began ?? 0) - (a?.began ?? 0),
    );
    if (options.json === true) context.out(JSON.stringify(jobs.map(asJson), null, 2));
    else if (jobs.length > 0) {
      const now = Date.now();
      const rows = jobs.map((parts) => rowOf(parts, now));
      printTable(['STATE', 'JOB', 'ACTION', 'NODES', 'BY', 'BEGAN'], rows, options, context);
    } else if (outcomes.some(({ outcome }) => outcome === 'ok'))
      context.err(options.any === true ? 'there are no jobs' : 'you have no jobs; --any shows those of others');
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    return outcomes;
  });
}

function rowOf(parts: readonly NodeJob[], now: number): string[] {
  const [first] = parts;
  if (first === undefined) return [];
  const states = [...Map.groupBy(parts, ({ state }) => state)].map(([state, some]) =>
    some.length === parts.length ? state : `${some.length} ${state}`,
  );
  const began = Math.min(...parts.map((part) => part.began));
  const what = `${first.agent}.${first.action}`;
  return [
    states.sort().join(', '),
    first.id.slice(0, 8),
    what,
    String(parts.length),
    callerName(first.caller),
    ago(began, now),
  ];
}

function asJson(parts: readonly NodeJob[]) {
  const [first] = parts;
  return {
    ...(first === undefined ? {} : headOf(first)),
    nodes: parts.map(nodeJson).sort((a, b) => (a.node < b.node ? -1 : 1)),
  };
}

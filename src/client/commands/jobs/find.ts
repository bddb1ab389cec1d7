import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { CliContext } from '../../cli/context.ts';
import { ambiguousId, requireIdPrefix } from '../../cli/id-prefix.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { actionFor, type JobsOptions, type NodeJob } from './job.ts';

/** The whole id of the job that begins with this text. @throws Problem `usage`, `unknown-job` */
export async function findJob(
  prefix: string,
  nodes: readonly FoundNode[],
  {
    options,
    catalogue,
    session,
    context,
  }: {
    readonly options: JobsOptions;
    readonly catalogue: readonly Ddl[];
    readonly session: Session;
    readonly context: CliContext;
  },
): Promise<string> {
  requireIdPrefix(prefix, 'job');
  if (prefix.length === 32) return prefix;
  const ddl = requireDdl(catalogue, 'jobs');
  const request = { ddl, action: actionFor('list', options), input: () => ({ prefix }) };
  const outcomes = await callNodes(request, nodes, session, context.signal);
  const ids = outcomes.flatMap(({ outcome, data }) =>
    outcome === 'ok' ? (data.jobs as NodeJob[]).map(({ id }) => id) : [],
  );
  const [only, ...others] = new Set(ids);
  const listing = options.any === true ? 'mco-deploy jobs --any' : 'mco-deploy jobs';
  if (others.length > 0) throw ambiguousId(prefix, others.length + 1, 'job', listing);
  if (only !== undefined) return only;
  const refused = outcomes.find(({ outcome }) => outcome !== 'ok');
  const why = refused === undefined ? '' : ` (${refused.node}: ${refused.message})`;
  const hint = options.any === true ? `“${listing}” lists those of all callers` : `“${listing}” lists yours`;
  throw new Problem('unknown-job', `no node has a job ${prefix} that you may see${why}`, hint);
}

import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { CliContext } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import type { Known } from './recorded.ts';
import type { RollbackOptions } from './options.ts';

/** The command to type if nothing else shows the earlier releases. */
export const byHand = 'name the releases yourself: mco-deploy run rollback cluster=… targets=NODE=REVISION,…';

/**
 * The nodes' own memory, if no journal has the releases: only safe if all of them serve the same release, since
 * otherwise a run did not reach all of them and each remembers another one.
 * @throws Problem `no-release-before`
 */
export async function readReleasesBefore(
  options: RollbackOptions,
  session: Session,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<Known> {
  const { application } = options;
  const { filter, ...targets } = readTargetOptions(options, 'appmgr');
  const selection = { ...targets, filter: { ...filter, facts: [`cluster=${options.cluster}`] } };
  const { nodes } = await session.find(selection);
  const question = {
    ddl: requireDdl(catalogue, 'appmgr'),
    action: 'status',
    input: () => (application === undefined ? {} : { application }),
  };
  const outcomes = await callNodes(question, nodes, session, context.signal);
  const failed = outcomes.find(({ outcome }) => outcome !== 'ok');
  if (failed !== undefined) throw new Problem('no-release-before', `${failed.node}: ${failed.message}`, byHand);
  const serving = new Set(outcomes.map(({ data }) => String(data.revision)));
  if (serving.size > 1) {
    const what = `no run from here upgraded cluster “${options.cluster}”, and its servers serve different releases`;
    throw new Problem('no-release-before', `${what}: ${[...serving].sort().join(', ')}`, byHand);
  }
  if (outcomes.length > 0) {
    context.err(`no run from here upgraded the cluster: ${count(outcomes.length, 'node')} asked what served before`);
  }
  const before = new Map(outcomes.map(({ node, data }) => [node, String(data.previous ?? '')]));
  return { before, deployed: [...serving], inputs: {}, isRollback: false };
}

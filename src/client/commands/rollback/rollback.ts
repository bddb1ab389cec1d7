import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { CliContext } from '../../cli/context.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import { runNamedPlaybook } from '../run/run.ts';
import { findRecorded, type Known } from './recorded.ts';
import { readReleasesBefore, byHand } from './read-releases.ts';
import type { RollbackOptions } from './options.ts';

/**
 * The playbook `rollback`, with the earlier release of each server: from the journal of the run, else from the nodes.
 */
export async function rollBack(
  options: RollbackOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const known = await withSession(
    options,
    context,
    async (session) =>
      (await findRecorded(options, { session, catalogue, options, context })) ??
      (await readReleasesBefore(options, session, catalogue, context)),
  );
  const { before, deployed, balancers } = known;
  if (known.isRollback && options.dryRun !== true) await requireRedo(known, options, context);
  const unknown = [...before].filter(([, revision]) => revision === '').map(([node]) => node);
  if (unknown.length > 0) {
    throw new Problem('no-release-before', `it is not known what served before on ${unknown.join(', ')}`, byHand);
  }
  const { cluster, application, backend, minAvailable, batch, check = true } = options;
  // The recipient of the run's notifications is also notified of its end.
  const { recipient = known.recipient, notify } = options;
  const targets = [...before].map(([node, revision]) => `${node}=${revision}`).sort();
  for (const target of targets) context.err(`back to: ${target}`);
  const values = {
    cluster,
    targets,
    instead_of: deployed,
    balancers,
    application,
    backend,
    recipient,
    min_available: minAvailable,
    batch,
    checks: check === true ? undefined : check === false ? [] : check,
    notify: notify ? undefined : false,
  };
  const typed = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const inputs = { ...known.inputs, ...typed };
  return await runNamedPlaybook({ playbook: 'rollback', inputs, options }, catalogue, context);
}

/**
 * Like a second “rpc appmgr rollback” on a node, a second rollback fails: it does not restore what the first one
 * replaced.
 */
async function requireRedo(
  { before }: Known,
  { redo, yes, cluster }: RollbackOptions,
  context: CliContext,
): Promise<void> {
  if (redo === true) return;
  const back = [...new Set(before.values())].sort().join(', ');
  const what = `the last change of cluster “${cluster}” was a rollback: to undo it brings back ${back}`;
  if (yes === true || !isOnTerminal(context)) {
    throw new Problem('usage', what, 'if you want that, add --redo');
  }
  if (await askPerson(`${what}. Do that?`, context.signal, context)) return;
  throw new Problem('not-agreed', 'nothing was changed', 'to undo an earlier run, name it with --run');
}

import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import { askNodes } from '../../../library/fleet/call-nodes.ts';
import type { RunPlaybookOptions } from '../../runs/run-playbook.ts';
import type { CliContext } from '../../cli/context.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { FleetLook } from '../../runs/fleet/fetch-run.ts';
import { requireDdl, type Session } from '../../fleet/session.ts';
import { latestRuns, namedRun } from './known-runs.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import { runNamedPlaybook } from '../run/run.ts';
import { balancersCalled, revisionsBefore, revisionsBrought, upgraded } from '../../runs/recorded-releases.ts';

export interface RollbackOptions extends RunPlaybookOptions {
  readonly cluster: string;
  readonly run?: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
  readonly batch?: string;
  readonly dryRun?: boolean;
  /** Undo a rollback without asking. */
  readonly redo?: boolean;
}

/** The playbook `rollback`, with what each server served before: by the journal of the run, else as the nodes tell it. */
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
      (await askNodesBefore(options, session, catalogue, context)),
  );
  const { before, brought, balancers } = known;
  if (known.isRollback && options.dryRun !== true) await requireRedo(known, options, context);
  const unknown = [...before].filter(([, revision]) => revision === '').map(([node]) => node);
  if (unknown.length > 0) {
    throw new Problem('no-release-before', `what served before is not known of ${unknown.join(', ')}`, byHand);
  }
  const { cluster, backend, minAvailable, batch } = options;
  // Whoever was to be notified of the run is to be notified of its end.
  const { recipient = known.recipient, notify } = options;
  const targets = [...before].map(([node, revision]) => `${node}=${revision}`).sort();
  for (const target of targets) context.err(`back to: ${target}`);
  const given = {
    cluster,
    targets,
    instead_of: brought,
    balancers,
    backend,
    recipient,
    min_available: minAvailable,
    batch,
    notify: notify ? undefined : false,
  };
  const inputs = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return await runNamedPlaybook({ playbook: 'rollback', inputs, options }, catalogue, context);
}

/** As a second “rpc appmgr rollback” fails on a node, a second rollback does not bring back by itself what the first one replaced. */
async function requireRedo(
  { before }: Known,
  { redo, yes, cluster }: RollbackOptions,
  context: CliContext,
): Promise<void> {
  if (redo === true) return;
  const back = [...new Set(before.values())].sort().join(', ');
  const what = `the last change of cluster “${cluster}” was a rollback: to undo it brings back ${back}`;
  if (yes === true || !isOnTerminal(context)) {
    throw new Problem('usage', what, 'if that is meant, add --redo');
  }
  if (await askPerson(`${what}. Do that?`, context.signal, context)) return;
  throw new Problem('not-agreed', 'nothing was changed', 'to undo an earlier run, name it by --run');
}

/** What each node served before, and what it may serve now: something else was brought by somebody else. */
interface Known {
  readonly before: ReadonlyMap<string, string>;
  readonly brought: readonly string[];
  /** The load balancers that the run called; undefined where no journal tells. */
  readonly balancers?: readonly string[];
  readonly recipient?: string;
  /** True when the run was itself a rollback. */
  readonly isRollback: boolean;
}

const byHand = 'name the releases yourself: mco-deploy run rollback cluster=… targets=NODE=REVISION,…';

/** Undefined where no run that is known upgraded servers of the cluster. @throws Problem `unknown-run`, `nothing-to-undo` */
async function findRecorded({ cluster, run }: RollbackOptions, look: FleetLook): Promise<Known | undefined> {
  const { err } = look.context;
  for await (const { id, entries } of run === undefined ? latestRuns(look) : namedRun(run, look)) {
    if (!upgraded(entries, cluster)) {
      if (run !== undefined)
        throw new Problem('nothing-to-undo', `the run ${id} upgraded no server of cluster “${cluster}”`);
      continue;
    }
    const started = entries.find((entry) => entry.type === 'run-started');
    const by = started?.operator === look.session.caller.credentials.identity.name ? '' : ` by ${started?.operator}`;
    err(`undoing the run ${id} of ${new Date(entries[0]?.at ?? 0).toISOString()}${by}`);
    const { recipient, notify } = started?.inputs ?? {};
    return {
      before: revisionsBefore(entries),
      brought: revisionsBrought(entries),
      balancers: balancersCalled(entries),
      isRollback: started?.playbook === 'rollback',
      ...(typeof recipient === 'string' && notify !== false ? { recipient } : {}),
    };
  }
  return undefined;
}

/**
 * What the nodes themselves know, where no journal tells: sound only where all of them serve the same release, since
 * otherwise a run did not come to all of them and each remembers another one.
 * @throws Problem `no-release-before`
 */
async function askNodesBefore(
  options: RollbackOptions,
  session: Session,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<Known> {
  const { filter, ...targets } = readTargetOptions(options, 'appmgr');
  const wanted = { ...targets, filter: { ...filter, facts: [`cluster=${options.cluster}`] } };
  const { nodes } = await session.find(wanted);
  const question = { ddl: requireDdl(catalogue, 'appmgr'), action: 'status', input: () => ({}) };
  const outcomes = await askNodes(question, nodes, session, context.signal);
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
  return { before, brought: [...serving], isRollback: false };
}

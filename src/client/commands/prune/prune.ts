import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { printable } from '../../../core/text.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { assertNames } from '../../publish/ticket.ts';
import { indented } from '../../render/missing.ts';
import { formatSize } from '../../render/sizes.ts';

interface PruneOptions extends CommonOptions {
  readonly keep: number;
  readonly dryRun?: boolean;
}

/** Removes old artifacts. A node whose serving release is unknown keeps all of them. */
export async function prune(
  application: string,
  options: PruneOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  assertNames(application, '0');
  const { keep, dryRun = false } = options;
  const ddl = requireDdl(catalogue, 'publish');
  return overNodes(options, nodesOf(options, ddl.name), context, async ({ nodes }, session) => {
    const { held, failed } = await heldOn(application, nodes, session, catalogue, context);
    const input = (name: string) => ({ application, keep, held: [...(held.get(name) ?? [])] });
    const chosen = nodes.filter(({ name }) => held.has(name));
    const pruned = await callNodes({ ddl, action: 'prune', input, dryRun }, chosen, session, context.signal);
    const outcomes = [...pruned, ...failed].sort((a, b) => (a.node < b.node ? -1 : 1));
    const lines = options.json === true ? [JSON.stringify(outcomes.map(asJson), null, 2)] : format(outcomes, dryRun);
    for (const line of lines) context.out(printable(line));
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: nothing was removed: ${indented(message)}`);
    return outcomes;
  });
}

/** Codes of a node on which appmgr does not serve the application: it stores nothing. */
const without = new Set(['unknown-agent', 'unknown-application']);

/**
 * The revisions that each node needs, as its appmgr reports: the serving one, the one before, the one that was cut off.
 */
async function heldOn(
  application: string,
  nodes: readonly FoundNode[],
  session: Session,
  catalogue: readonly Ddl[],
  { signal }: CliContext,
): Promise<{ readonly held: ReadonlyMap<string, readonly string[]>; readonly failed: readonly Outcome[] }> {
  const call = { ddl: requireDdl(catalogue, 'appmgr'), action: 'releases', input: () => ({ application }) };
  const outcomes = await callNodes(call, nodes, session, signal);
  const isKnown = ({ outcome, code }: Outcome) => outcome === 'ok' || without.has(code);
  const revisionsIn = ({ data }: Outcome) =>
    [data.revision, data.previous, data.unfinished].filter((one) => typeof one === 'string' && one !== '') as string[];
  return {
    held: new Map(outcomes.filter(isKnown).map((one) => [one.node, revisionsIn(one)])),
    failed: outcomes.filter((one) => !isKnown(one)),
  };
}

function asJson({ node, outcome, code, message, data }: Outcome): object {
  const { removed = [], freed = 0 } = data;
  return { node, outcome, code, message, removed, freed };
}

function format(outcomes: readonly Outcome[], dryRun: boolean): string[] {
  const verb = dryRun ? 'would remove' : 'removed';
  return outcomes
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ node, data }) => {
      const removed = data.removed as readonly string[];
      if (removed.length === 0) return `${node}: nothing to remove`;
      return `${node}: ${verb} ${removed.join(', ')} (${formatSize(Number(data.freed))})`;
    });
}

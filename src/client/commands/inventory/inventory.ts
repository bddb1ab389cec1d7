import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { isNodeName } from '../../../core/identity.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callFoundNode } from '../../../library/fleet/call-nodes.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { indented } from '../../render/missing.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { flattenFacts } from './flatten.ts';

/** The output of rpcutil's `inventory`, as in its DDL. */
interface Inventory {
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly version: string;
  readonly warnings: readonly string[];
}

/**
 * Shows everything about one node: the versions of its agents from its own description, the rest from its agent
 * rpcutil.
 */
export async function runInventory(
  typed: string,
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const name = typed.toLowerCase();
  if (!isNodeName(name)) throw new Problem('usage', `“${typed.slice(0, 80)}” is not a valid node name`);
  const { targets } = nodesOf(options);
  // Searched among all nodes, so that a node that does not run rpcutil differs from a missing one.
  const selection = {
    targets: { ...targets, filter: { ...targets.filter, identities: [name] } },
    settings: { expect: [name] },
  };
  const question = { ddl: requireDdl(catalogue, 'rpcutil'), action: 'inventory', input: {}, timeout: targets.timeout };
  return overNodes(options, selection, context, async ({ nodes: [node] }, session) => {
    if (node === undefined) return [];
    const outcome = await callFoundNode(question, node, session, context.signal);
    print(node, outcome, options, context);
    return [outcome];
  });
}

function print({ name, description }: FoundNode, outcome: Outcome, { json }: CommonOptions, context: CliContext): void {
  if (outcome.outcome !== 'ok') {
    context.err(`${name}: ${indented(outcome.message)}${outcome.hint === '' ? '' : ` (${outcome.hint})`}`);
    return;
  }
  const data = outcome.data as unknown as Inventory;
  const inventory = {
    node: name,
    version: data.version,
    agents: description.agents.map((agent) => ({ name: agent.name, version: agent.version })).sort(byName),
    classes: [...data.classes].sort(),
    facts: data.facts,
    warnings: data.warnings,
  };
  if (json === true) context.out(JSON.stringify(inventory, null, 2));
  else for (const line of inventoryLines(inventory)) context.out(line);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

interface Shown extends Omit<Inventory, 'agents'> {
  readonly node: string;
  readonly agents: readonly { readonly name: string; readonly version: string }[];
}

function inventoryLines({ node, version, agents, classes, facts, warnings }: Shown): string[] {
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`  ${heading}:`, ...lines.map((line) => `    ${line}`)];
  return [
    node,
    `  Version: ${version}`,
    ...section(
      'Agents',
      agents.map((agent) => `${agent.name} ${agent.version}`),
    ),
    ...section('Classes', classes),
    ...section(
      'Facts',
      flattenFacts(facts).map(([fact, value]) => `${fact} = ${value}`),
    ),
    ...section('Warnings', warnings),
  ];
}

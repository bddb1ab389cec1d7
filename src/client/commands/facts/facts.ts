import { Problem } from '../../../core/errors.ts';
import { parseJsonObject } from '../../../core/json.ts';
import type { Findings } from '../../../discovery/directory.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { nearest } from '../../../core/text.ts';
import type { Session } from '../../fleet/session.ts';
import type { TargetOptions } from '../../cli/target-options.ts';
import { flattenFacts } from '../inventory/flatten.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { tableOf } from '../../cli/io/format.ts';
import { printTable } from '../../render/table.ts';
import { found, nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { type Distribution, distributionOf } from './distribution.ts';

interface FactsOptions extends CommonOptions {
  readonly verbose?: boolean;
}

/** Shows the values of one fact over all nodes that match. */
export async function runFacts(fact: string, options: FactsOptions, context: CliContext): Promise<number> {
  if (!/^[A-Za-z0-9_:.-]{1,200}$/.test(fact))
    throw new Problem('usage', `“${fact.slice(0, 80)}” is not a valid fact name`);
  let known = false;
  const selection = { ...nodesOf(options), settings: { facts: [fact], keep: false } };
  const code = await overNodes(options, selection, context, async (findings, session) => {
    const { nodes } = findings;
    const distribution = distributionOf(nodes.map((node) => [node.name, factOf(node, fact)] as const));
    if (options.json === true) context.out(JSON.stringify({ fact, ...distribution }, null, 2));
    else if (tableOf(options) !== undefined) showTable(distribution, options, context);
    else if (nodes.length > 0)
      for (const line of linesOf(fact, distribution, options.verbose === true)) context.out(line);
    known = distribution.values.length > 0;
    if (!known && nodes.length > 0) await nameNear(fact, findings, { session, targets: selection.targets, context });
    return found(findings);
  });
  return code === exitCode.ok && !known ? exitCode.nothingDiscovered : code;
}

/** Nodes that are asked for the names of their facts: others of a fleet hardly have more. */
const mostAsked = 3;

/** Says that no node has the fact, and which one was probably meant. */
async function nameNear(
  fact: string,
  { nodes }: Findings,
  {
    session,
    targets,
    context,
  }: { readonly session: Session; readonly targets: TargetOptions; readonly context: CliContext },
): Promise<void> {
  const identities = nodes
    .map(({ name }) => name)
    .sort()
    .slice(0, mostAsked);
  const asked = { ...targets, filter: { ...targets.filter, identities }, limit: undefined };
  const found = await session.find(asked, { facts: ['*'], keep: false });
  const all = found.nodes.map(({ name, description: { facts } }) => parseJsonObject(facts, `the facts of ${name}`));
  const near = nearest(
    fact,
    all.flatMap((facts) => flattenFacts(facts).map(([name]) => name)),
  );
  context.err(`no node has the fact ${fact}${near === undefined ? '' : `: did you mean “${near}”?`}`);
  if (near === undefined) context.last(`to list the facts of a node: mco-deploy inventory ${identities[0] ?? ''}`);
}

function factOf({ name, description }: FoundNode, fact: string): unknown {
  const facts = parseJsonObject(description.facts, `the facts of ${name}`);
  return Object.hasOwn(facts, fact) ? facts[fact] : undefined;
}

function showTable({ values, absent }: Distribution, options: FactsOptions, context: CliContext): void {
  const all = [
    ...values.map(({ value, nodes }) => ({ text: textOf(value), nodes })),
    { text: '(no such fact)', nodes: absent },
  ];
  const wide = tableOf(options) === 'wide' || options.verbose === true;
  const rows = all
    .filter(({ nodes }) => nodes.length > 0)
    .map(({ text, nodes }) => [text, String(nodes.length), ...(wide ? [nodes.join(', ')] : [])]);
  printTable(['VALUE', 'COUNT', ...(wide ? ['NODES'] : [])], rows, options, context);
}

function linesOf(fact: string, { values, absent }: Distribution, verbose: boolean): string[] {
  const shares = values.map(({ value, nodes }) => ({ text: textOf(value), nodes }));
  const rows = absent.length === 0 ? shares : [...shares, { text: '(no such fact)', nodes: absent }];
  const width = Math.max(...rows.map(({ text }) => text.length));
  return [
    `Report for fact: ${fact}`,
    '',
    ...rows.flatMap(({ text, nodes }) => [
      `  ${text.padEnd(width)}  found ${nodes.length === 1 ? 'once' : `${nodes.length} times`}`,
      ...(verbose ? nodes.map((node) => `    ${node}`) : []),
    ]),
  ];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

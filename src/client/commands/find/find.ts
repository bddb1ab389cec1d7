import { parseJsonObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { tableOf } from '../../cli/io/format.ts';
import { printTable } from '../../render/table.ts';
import { cellOf } from '../../render/values.ts';
import { overArrivingNodes } from '../../fleet/over-nodes.ts';

interface FindOptions extends CommonOptions {
  readonly verbose?: boolean;
}

/** Prints the names of the nodes that match, sorted, one a line. */
export async function runFind(options: FindOptions, context: CliContext): Promise<number> {
  const show = (node: FoundNode) => context.out(options.verbose === true ? verboseLine(node) : node.name);
  return overArrivingNodes(options, show, context, ({ nodes }, rest) => {
    if (options.json === true) context.out(JSON.stringify(nodes.map(describe), null, 2));
    else if (tableOf(options) !== undefined) showTable(nodes.map(describe), options, context);
    else for (const node of rest) show(node);
  });
}

function describe({ name, description: { version, agents, classes, facts } }: FoundNode) {
  return {
    node: name,
    version,
    agents: agents.map((agent) => agent.name),
    classes,
    facts: parseJsonObject(facts, 'the facts'),
  };
}

function showTable(nodes: readonly ReturnType<typeof describe>[], options: FindOptions, context: CliContext): void {
  const wide = tableOf(options) === 'wide';
  const rows = nodes.map(({ node, version, agents, classes, facts }) => [
    node,
    version,
    agents.join(','),
    ...(wide ? [classes.join(','), cellOf(facts, undefined, 0, true)] : []),
  ]);
  printTable(['NODE', 'VERSION', 'AGENTS', ...(wide ? ['CLASSES', 'FACTS'] : [])], rows, options, context);
}

function verboseLine(node: FoundNode): string {
  const { agents, classes, facts } = describe(node);
  const factWords = Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`);
  return [node.name.padEnd(40), `agents=${agents.join(',')}`, `classes=${classes.join(',')}`, ...factWords].join(' ');
}

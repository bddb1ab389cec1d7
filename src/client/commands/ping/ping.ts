import type { Findings, FoundNode } from '../../../discovery/directory.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { tableOf } from '../../cli/io/format.ts';
import { printTable } from '../../render/table.ts';
import { indented } from '../../render/missing.ts';
import { sparkline, statistics } from '../../render/statistics.ts';
import { overArrivingNodes } from '../../fleet/over-nodes.ts';

interface PingOptions extends CommonOptions {
  readonly graph?: boolean;
  readonly verbose?: boolean;
}

/** Connects to every node that matches and prints the time of proof and reply. */
export async function runPing(options: PingOptions, context: CliContext): Promise<number> {
  const show = (node: FoundNode) => {
    const way = options.verbose === true ? ` ${pathOf(node)}` : '';
    context.out(`${node.name.padEnd(40)} time=${node.elapsed.toFixed(2)} ms${way}`);
  };
  return overArrivingNodes(options, show, context, (findings, rest) => {
    const { nodes } = findings;
    if (options.json === true) context.out(JSON.stringify(asJson(findings), null, 2));
    else {
      if (tableOf(options) !== undefined) showTable(nodes, options, context);
      else for (const node of rest) show(node);
      summarize(
        nodes.map(({ elapsed }) => elapsed),
        findings.elapsed,
        options.graph === true,
        context,
      );
      for (const { name, description } of nodes) {
        for (const warning of description.warnings) context.err(`warning: ${name}: ${indented(warning)}`);
      }
    }
  });
}

function showTable(nodes: readonly FoundNode[], options: PingOptions, context: CliContext): void {
  const wide = tableOf(options) === 'wide';
  const rows = nodes.map((node) => {
    const more = wide ? [node.description.version, pathOf(node)] : [];
    return [node.name, `${node.elapsed.toFixed(2)} ms`, ...more];
  });
  printTable(['NODE', 'TIME', ...(wide ? ['VERSION', 'WAY'] : [])], rows, options, context);
}

/** The path of the answer: relays only claim it. */
function pathOf({ connection: { path = [] } }: FoundNode): string {
  return path.length === 0 ? 'direct' : `via ${path.join(' > ')}`;
}

function summarize(times: readonly number[], discovery: number, graph: boolean, context: CliContext): void {
  if (times.length === 0) return;
  const { max, min, average } = statistics(times);
  context.out('');
  context.out('---- ping statistics ----');
  if (graph) context.out(sparkline(times));
  const replies = times.length === 1 ? '1 reply' : `${times.length} replies`;
  context.out(
    `${replies} max: ${max.toFixed(2)} min: ${min.toFixed(2)} avg: ${average.toFixed(2)} (all in ${discovery.toFixed(0)} ms)`,
  );
}

function asJson({ nodes, broken, silent, rumours, elapsed }: Findings) {
  return {
    nodes: nodes.map((node) => ({
      node: node.name,
      elapsed_ms: Math.round(node.elapsed),
      version: node.description.version,
      path: node.connection.path ?? [],
      warnings: node.description.warnings,
    })),
    broken: broken.map(({ name, problem }) => ({ node: name, code: problem.code, message: problem.message })),
    silent: silent.map(({ name, lastSeen, by }) => ({
      node: name,
      last_seen: lastSeen === undefined ? null : new Date(lastSeen).toISOString(),
      by,
    })),
    rumours: {
      count: rumours.count,
      more: rumours.more,
      examples: rumours.examples.map(({ name, problem }) => ({
        node: name,
        code: problem.code,
        message: problem.message,
      })),
    },
    elapsed_ms: Math.round(elapsed),
  };
}

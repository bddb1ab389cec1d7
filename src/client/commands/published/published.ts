import type { Ddl } from '../../../core/ddl/ddl.ts';
import { printable } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import type { Agents } from '../../../library/agents.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { indented } from '../../render/missing.ts';
import { formatSize } from '../../render/sizes.ts';
import { printTable } from '../../render/table.ts';

type Listed = Agents['publish']['list']['output'];

/** Prints the artifacts on each node. */
export async function listPublished(
  application: string | undefined,
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const ddl = requireDdl(catalogue, 'publish');
  const input = application === undefined ? {} : { application };
  return overNodes(options, nodesOf(options, ddl.name), context, async ({ nodes }, session) => {
    const outcomes = await callNodes({ ddl, action: 'list', input: () => input }, nodes, session, context.signal);
    const good = outcomes
      .filter(({ outcome }) => outcome === 'ok')
      .map(({ node, data }) => ({ node, ...(data as unknown as Listed) }))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
    if (options.json === true) context.out(JSON.stringify(good.map(asJson), null, 2));
    else print(good, options, context);
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    return outcomes;
  });
}

function asJson({ node, published, receiving, used, free, max_total }: Listed & { readonly node: string }): object {
  const entries = published.map(({ at, ...entry }) => ({ ...entry, at: new Date(at).toISOString() }));
  return { node, published: entries, receiving, used, free, max_total };
}

function print(
  nodes: readonly (Listed & { readonly node: string })[],
  options: CommonOptions,
  context: CliContext,
): void {
  const rows = nodes.flatMap(({ node, published }) =>
    published.map(({ application, revision, sha256, size, at, by, signed }) => [
      node,
      application,
      revision,
      sha256.slice(0, 12),
      formatSize(size),
      new Date(at).toISOString().replace('T', ' ').slice(0, 19),
      by.replace(/^cert=/, ''),
      signed ? 'yes' : 'no',
    ]),
  );
  const receiving = nodes.flatMap((one) =>
    one.receiving.map(({ sha256, size, have }) => {
      return `${one.node} has ${formatSize(have)} of ${formatSize(size)} of ${sha256.slice(0, 12)}`;
    }),
  );
  const headers = ['NODE', 'APPLICATION', 'REVISION', 'SHA-256', 'SIZE', 'SINCE (UTC)', 'OPERATOR', 'SIGNED'];
  if (rows.length > 0) printTable(headers, rows, options, context);
  else context.out(nodes.length === 0 ? 'no node listed its artifacts' : 'no artifact is published');
  for (const line of receiving) context.out(printable(line));
}

import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { indented } from '../../render/missing.ts';
import { formatOut, readRotation } from '../../runs/rotation.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';

/** Prints every server that takes no traffic. A load balancer that can’t be asked is named: it is not “all well”. */
export async function showStatus(
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  return overNodes(options, nodesOf(options, 'haproxy'), context, async ({ nodes }, session) => {
    const { out, outcomes } = await readRotation(nodes, session, catalogue, context.signal);
    if (options.json === true) context.out(JSON.stringify(out, null, 2));
    else if (out.length > 0) for (const server of out) context.out(formatOut(server));
    else if (outcomes.some(({ outcome }) => outcome === 'ok')) context.out('all servers take traffic');
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    return outcomes;
  });
}

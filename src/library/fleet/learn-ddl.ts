import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { parseOutsideDdl } from '../../core/ddl/outside-ddl.ts';
import { count, nearest, printable } from '../../core/text.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { World } from './world.ts';

/**
 * The description of an agent that is not built in, from the nodes that have it. If they differ, the one that
 * most of them give is taken, so that a single node can't decide what the others are asked; each node checks its
 * own in any case.
 * @throws Problem `unknown-agent`, `bad-ddl`
 */
export function learnDdl(
  agent: string,
  nodes: readonly FoundNode[],
  known: readonly Ddl[],
  { warn }: Pick<World, 'warn'>,
): Ddl {
  const told = nodes.flatMap(({ name, description: { agents } }) =>
    agents.filter((one) => one.name === agent && one.ddl.length > 0).map(({ ddl }) => ({ node: name, ddl })),
  );
  const versions = [...Map.groupBy(told, ({ ddl }) => ddl.toString('base64')).values()];
  const [most, ...others] = versions.sort((a, b) => b.length - a.length);
  const [first] = most ?? [];
  if (first === undefined) throw unknownAgent(agent, known);
  if (others.length > 0) {
    const from = others.flat().map(({ node }) => node);
    warn(`${printable(from.join(', '))} describe ${agent} differently from ${count(most?.length ?? 0, 'other node')}`);
  }
  const ddl = parseOutsideDdl(first.ddl, `the agent ${agent} on ${first.node}`);
  if (ddl.name !== agent) throw new Problem('bad-ddl', `${first.node} describes an agent other than ${agent}`);
  return ddl;
}

function unknownAgent(agent: string, known: readonly Ddl[]): Problem {
  const near = nearest(
    agent,
    known.map(({ name }) => name),
  );
  const hint =
    near === undefined ? 'its nodes may be unreachable: see “mco-deploy find -v”' : `did you mean “${near}”?`;
  return new Problem('unknown-agent', `there is no agent “${agent}”, neither here nor on a matching node`, hint);
}

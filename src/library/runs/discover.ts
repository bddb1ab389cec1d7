import { parseJsonObject } from '../../core/json.ts';
import type { NodeFacts } from '../../core/node.ts';
import { isDoubtful } from '../../discovery/uncertain-nodes.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { Discovered, DiscoverQuery } from '../../playbook/ports.ts';
import type { PortParts } from './port-parts.ts';

/** Finds the nodes of a set, and keeps them by name. */
export async function discoverNodes(
  { filter, source, facts, timeout }: DiscoverQuery,
  parts: Pick<PortParts, 'session' | 'targets'>,
  nodes: Map<string, FoundNode>,
): Promise<Discovered> {
  const typed = parts.targets;
  // A set that names its own source keeps it: the command's options are for the others.
  const from = source === undefined ? {} : { method: source.method, nodesFile: source.file };
  const timing = timeout === undefined ? {} : { discoveryTimeout: timeout / 1000 };
  const settings = facts === true ? { facts: ['*'] } : {};
  const findings = await parts.session.find({ ...typed, ...from, ...timing, filter }, settings);
  const { nodes: found, silent, broken, hints } = findings;
  for (const node of found) nodes.set(node.name, node);
  return {
    nodes: found.map(factsOf),
    silent: silent.map(({ name, lastSeen, by }) => ({ name, by, ...(lastSeen === undefined ? {} : { lastSeen }) })),
    broken: broken.map(({ name, problem }) => ({ name, problem: problem.message, isDoubtful: isDoubtful(problem) })),
    hints,
  };
}

function factsOf({ name, description: { agents, classes, facts } }: FoundNode): NodeFacts {
  return {
    name,
    agents: agents.map((agent) => agent.name),
    classes,
    versions: Object.fromEntries(agents.map((agent) => [agent.name, agent.version])),
    facts: parseJsonObject(facts, `the facts of ${name}`),
  };
}

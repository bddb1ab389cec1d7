import { parseJsonObject } from '../core/json.ts';
import { witness } from '../core/node.ts';
import type { Findings } from '../discovery/directory.ts';
import type { FoundNode } from '../discovery/findings.ts';
import type { Found, MissingNode, Node } from './api.ts';

/** The results of a search as plain values. */
export function foundOf(findings: Findings): Found {
  return { nodes: findings.nodes.map(nodeOf), missing: missingOf(findings) };
}

function nodeOf({ name, elapsed, connection, description }: FoundNode): Node {
  const { version, agents, classes, facts, warnings } = description;
  return {
    name,
    version,
    agents: agents.map((agent) => agent.name),
    classes,
    facts: parseJsonObject(facts, `the facts of ${name}`),
    warnings,
    path: connection.path ?? [],
    elapsed,
  };
}

export function missingOf({ broken, silent }: Pick<Findings, 'broken' | 'silent'>): MissingNode[] {
  return [
    ...broken.map(({ name, problem: { code, message } }) => ({ node: name, code, message })),
    ...silent.map(({ name, lastSeen, by }) => {
      const seen = lastSeen === undefined ? 'it was never seen' : `last seen at ${new Date(lastSeen).toISOString()}`;
      return { node: name, code: 'silent', message: `it does not answer: ${seen}, by ${witness(by)}` };
    }),
  ];
}

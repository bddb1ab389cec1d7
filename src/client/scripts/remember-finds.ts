import { type Findings, noFindings } from '../../discovery/directory.ts';
import type { Session, FindSettings } from '../fleet/session.ts';
import type { TargetOptions } from '../cli/target-options.ts';

/**
 * A session that asks the fleet each question once: a script's questions are not repeated when its run begins. Nodes
 * that are only named, and were found by another question, are not asked at all.
 */
export function rememberFinds(session: Session): Session {
  const searches = new Map<string, Promise<Findings>>();
  const found = new Map<string, Findings['nodes'][number]>();
  const ask = async (targets: TargetOptions, settings: FindSettings | undefined): Promise<Findings> => {
    const findings = await session.find(targets, settings);
    for (const node of findings.nodes) found.set(node.name, node);
    return findings;
  };
  return {
    ...session,
    find: async (targets, settings) => {
      const key = JSON.stringify([targets, settings]);
      const known = searches.get(key) ?? recall(targets, settings, found) ?? ask(targets, settings);
      searches.set(key, known);
      return await known;
    },
  };
}

function recall(
  { filter }: TargetOptions,
  settings: FindSettings | undefined,
  found: ReadonlyMap<string, Findings['nodes'][number]>,
) {
  const { identities, agents, facts, classes, select } = filter;
  const [agent] = agents;
  const more = facts.length + classes.length + filter.with.length + select.length > 0 || agents.length > 1;
  if (more || identities.length === 0 || Object.keys(settings ?? {}).length > 0) return undefined;
  const nodes = identities.flatMap((name) => found.get(name) ?? []);
  const runs = (node: Findings['nodes'][number]) => node.description.agents.some(({ name }) => name === agent);
  if (nodes.length < identities.length || !nodes.every(runs)) return undefined;
  return Promise.resolve<Findings>({ ...noFindings, nodes: [...new Set(nodes)] });
}

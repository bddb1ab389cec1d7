import type { NodeFacts } from '../../core/node.ts';
import { decide } from '../../core/policy/decide.ts';
import { type Groups, parseGroups, parsePolicy } from '../../core/policy/parse.ts';
import { policyNamesOf } from '../../core/policy/review.ts';
import type { Fleet, Host, NodeParts } from './model.ts';
import { agentSections } from './node-settings.ts';
import { policyFiles } from './policies.ts';

/** The calls that an operator needs to undo a change. */
const needed = [
  ['rpcutil', 'ping'],
  ['config', 'apply'],
  ['config', 'confirm'],
] as const;

/**
 * Why an operator could not change a host's configuration again, once it matches fleet.yaml.
 * @param operator the name in the certificate
 * @returns undefined if they could
 */
export function lockOut(operator: string, host: Host, fleet: Fleet, parts: NodeParts): string | undefined {
  const rights = fleet.operators.get(operator);
  if (rights === undefined) {
    const names = [...fleet.operators.keys()];
    return `“operators” names ${names.length === 0 ? 'nobody' : names.join(', ')}, not ${operator}`;
  }
  const files = new Map(policyFiles(host, fleet, parts, '/etc/mco-deploy').map(({ name, content }) => [name, content]));
  const groups: Groups = parseGroups(files.get('groups') ?? '', 'groups');
  const agents = Object.keys(agentSections(host, fleet, '/etc/mco-deploy'));
  const node: NodeFacts = { name: host.name, agents, classes: [...host.role.classes], facts: { ...host.facts } };
  for (const [agent, action] of needed) {
    const file = policyNamesOf(agent, parts.agents)
      .map((name) => `${name}.policy`)
      .find((name) => files.has(name));
    if (file === undefined) return `no policy lets anybody call ${agent}.${action}`;
    const policy = parsePolicy(files.get(file) ?? '', file, groups);
    const { allowed, line, text } = decide(policy, { caller: `cert=${operator}`, action, node });
    if (!allowed) return `${file}, ${line === 'default' ? text : `line ${line} (${text})`}, denies ${agent}.${action}`;
  }
  if (!rights.all && !rights.apply.includes('policies')) return `${operator} may not apply policies`;
  return undefined;
}

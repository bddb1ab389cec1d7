import { basename } from 'node:path';
import { isLeftOver } from '../files/left-over.ts';
import { suggest } from '../text.ts';
import type { Policy } from './policy.ts';

/** The agents and actions that a policy can name. */
export interface KnownAgent {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly actions: Readonly<Record<string, unknown>>;
}

/** Other services of a node besides its agents: a policy decides who may use it as a relay. */
const relayService: KnownAgent = { name: 'relay', actions: { forward: {}, discover: {} } };

/** The policy that decides where an agent has no own policy. */
export const fallbackPolicy = 'default';

/** The file with the groups that policies name. */
export const groupsFile = 'groups';

/** The possible names of an agent's policy, the one that counts first. */
export function policyNamesOf(agent: string, agents: readonly KnownAgent[]): string[] {
  const known = agents.find(({ name }) => name === agent);
  return [agent, ...(known?.aliases ?? []), fallbackPolicy];
}

/**
 * The parts of a policy without effect, as messages: its name is not one of an agent, or a rule names an unknown
 * action.
 * @param name of the file without `.policy`
 * @param others the names of the policies beside it
 */
export function reviewPolicy(
  name: string,
  policy: Policy,
  others: readonly string[],
  knownAgents: readonly KnownAgent[],
): string[] {
  const { file } = policy;
  const agents = [...knownAgents, relayService];
  if (name === fallbackPolicy) {
    const actions = new Set(agents.flatMap((agent) => Object.keys(agent.actions)));
    return reviewRules(policy, actions, 'no agent has');
  }
  const agent = agentOf(name, agents);
  if (agent === undefined) {
    const names = new Set(agents.flatMap((one) => [one.name, ...(one.aliases ?? [])]));
    return [`${file} has no effect: no agent is called “${name}” here: ${suggest(name, names)}`];
  }
  if (agent.name !== name && others.includes(agent.name)) {
    return [`${file} has no effect: “${name}” is another name of ${agent.name}, and ${agent.name}.policy is there too`];
  }
  return reviewRules(policy, new Set(Object.keys(agent.actions)), `the agent ${agent.name} has`);
}

function agentOf(name: string, agents: readonly KnownAgent[]): KnownAgent | undefined {
  return agents.find((one) => one.name === name || one.aliases?.includes(name) === true);
}

/** Whether a policy of that name is for an agent that is not among these. */
export function isPolicyForUnknown(name: string, knownAgents: readonly KnownAgent[]): boolean {
  return name !== fallbackPolicy && agentOf(name, [...knownAgents, relayService]) === undefined;
}

function reviewRules({ file, rules }: Policy, known: ReadonlySet<string>, who: string): string[] {
  return rules.flatMap(({ line, actions }) => {
    const unknown = actions === '*' ? [] : [...actions].filter((action) => !known.has(action));
    const negation = who.startsWith('no ') ? 'an' : 'no';
    return unknown.map((action) => `${file}:${line}: ${who} ${negation} action “${action}”: ${suggest(action, known)}`);
  });
}

/**
 * Why a file in a directory of policies has no effect although its name is that of an agent: `appmgr.policy.txt`, say.
 * What an editor saved under another name must not leave a door open without a word.
 */
export function reviewStray(file: string, knownAgents: readonly KnownAgent[]): string[] {
  const name = basename(file);
  if (name === groupsFile || name.endsWith('.policy') || isLeftOver(name)) return [];
  const [stem = ''] = name.toLowerCase().split('.', 1);
  if (stem === groupsFile) return [`${file} has no effect: the file of groups is called “${groupsFile}”`];
  const isForUnknown = isPolicyForUnknown(stem, knownAgents);
  return isForUnknown ? [] : [`${file} has no effect: did you mean “${stem}.policy”?`];
}

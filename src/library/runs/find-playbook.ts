/** Finds the named playbook, those that it uses, and the agents in it that only nodes know. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { shippedPlaybooks } from '#playbooks';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { count, listNames, suggest } from '../../core/text.ts';
import { compilePlaybook } from '../../playbook/compile/load.ts';
import type { Playbook } from '../../playbook/model.ts';
import {
  type PlaybookText,
  type PlaybookTree,
  type ReadPlaybook,
  readBeside,
  readPlaybookFile,
  readTree,
} from '../../playbook/source/reading.ts';
import { everySource } from '../../playbook/source/walking.ts';
import { learnDdl, findDdl } from '../fleet/agents.ts';
import type { TargetOptions } from '../fleet/targets.ts';
import type { Session } from '../fleet/session.ts';

/** Names of nodes in a warning. */
const mostNamed = 5;

/** The playbook with all that it uses, not yet checked against any agent. @throws Problem `usage`, `bad-playbook`, … */
export async function readPlaybook(name: string): Promise<PlaybookTree> {
  return await readTree(shippedText(name) ?? (await readGiven(name)), readUsed);
}

/** A checked playbook, and every agent that it may call. */
export interface KnownPlaybook {
  readonly playbook: Playbook;
  readonly agents: readonly Ddl[];
}

/** A playbook whose agents are built in or described by the nodes. @throws Problem as compilePlaybook, `bad-ddl` */
export async function loadWithNodes(
  tree: PlaybookTree,
  session: Session,
  catalogue: readonly Ddl[],
  targets: TargetOptions,
): Promise<KnownPlaybook> {
  const learned = await learnAgents(unknownAgents(tree, catalogue), session, catalogue, targets);
  const agents = [...catalogue, ...learned];
  try {
    return { playbook: compilePlaybook(tree, agents), agents };
  } catch (error) {
    const absent = unknownAgents(tree, agents);
    if (!(error instanceof Problem) || error.hint !== '' || absent.length === 0) throw error;
    throw new Problem(error.code, error.message, `no node that was found runs ${absent.join(', ')}`, { cause: error });
  }
}

/** The names of the agents that it calls and that are not built in. */
export function unknownAgents(tree: PlaybookTree, catalogue: readonly Ddl[]): string[] {
  const own = [...everySource(tree.source)].flatMap(({ step }) => step.call?.split('.')[0] ?? []);
  const all = new Set([...own, ...[...tree.used.values()].flatMap((one) => unknownAgents(one, catalogue))]);
  return [...all].filter((agent) => findDdl(catalogue, agent) === undefined);
}

/**
 * The nodes' descriptions of those agents. An agent that no node describes is omitted: the check of the playbook names
 * it with its position. @throws Problem `bad-ddl`
 */
export async function learnAgents(
  names: readonly string[],
  session: Session,
  catalogue: readonly Ddl[],
  targets: TargetOptions,
): Promise<readonly Ddl[]> {
  const { filter } = targets;
  const learned: Ddl[] = [];
  for (const name of names) {
    const { nodes, silent, broken } = await session.find(
      { ...targets, filter: { ...filter, agents: [...filter.agents, name] } },
      { full: true },
    );
    try {
      // An alias of an agent from outside must not replace one that is built in.
      const { aliases: _aliases, ...ddl } = learnDdl(name, nodes, catalogue, session.environment);
      learned.push(ddl);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unknown-agent') throw error;
      const unasked = [...silent, ...broken].map((node) => node.name);
      if (unasked.length === 0) continue;
      session.environment.warn(
        `the agent “${name}” is not built in, and ${count(unasked.length, 'node')} that may describe it did not answer: ${listNames(unasked, mostNamed)}`,
      );
    }
  }
  return learned;
}

function shippedText(name: string): PlaybookText | undefined {
  const text = Object.hasOwn(shippedPlaybooks, name) ? shippedPlaybooks[name] : undefined;
  return text === undefined ? undefined : { text, name: shippedName(name) };
}

/** Its name in messages, in a form that no path of a file has. */
function shippedName(name: string): string {
  return `shipped:${name}.yaml`;
}

async function readGiven(name: string): Promise<PlaybookText> {
  if (/[./]/.test(name)) return await readPlaybookFile(name);
  const file = existsSync(name) ? `to take the file here: ./${name}` : `write a file with its path: ./${name}.yaml`;
  const hint = `${suggest(name, Object.keys(shippedPlaybooks))}; ${file}`;
  throw new Problem('usage', `no playbook “${name}” is shipped`, hint);
}

/** By a path from the one that uses it, or by the name of a shipped one. */
const readUsed: ReadPlaybook = async (name, from) => {
  const shipped = shippedText(name);
  if (shipped !== undefined) return shipped;
  if (from.name.startsWith('shipped:') || !/[./]/.test(name)) {
    throw new Problem('usage', `no playbook “${name}” is shipped: ${suggest(name, Object.keys(shippedPlaybooks))}`);
  }
  return await readBeside(name, { ...from, name: resolve(from.name) });
};

/** Functions that ask the fleet: `discover`, `get_fact`. They only read. */
import { noFilter, parseFilter } from '../../core/filter/filter.ts';
import type { NodeFacts } from '../../core/node.ts';
import { listNames, suggest } from '../../core/text.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type FleetQuery, Waiting } from '../evaluator/query.ts';
import type { Evaluation } from '../evaluator/state.ts';
import { fromJson } from '../values/json.ts';
import { formatReference, isHash, isList, isReference, kindOf, toText, type Value } from '../values/values.ts';
import { failAt, type SourcePosition, withPosition } from '../source.ts';
import { readTerms } from '../types/filter.ts';
import { defineFunction, type ScriptFunction } from './kind.ts';

export type FleetFunction = 'discover' | 'get_fact';

export function isFleetFunction(name: string): name is FleetFunction {
  return name === 'discover' || name === 'get_fact';
}

export const fleetFunctions: Readonly<Record<FleetFunction, ScriptFunction>> = {
  /** The sorted names of the nodes that match. */
  discover: defineFunction([0, 2], (args, { evaluation, position }) => ask('discover', args, evaluation, position)),
  /** The value of a fact on the one node that matches. */
  get_fact: defineFunction(2, (args, { evaluation, position }) => ask('get_fact', args, evaluation, position)),
};

function ask(name: FleetFunction, args: readonly Value[], evaluation: Evaluation, position: SourcePosition): Value {
  const { query, read } = queryFor(name, args, evaluation, position, `${name}_${evaluation.queries.size + 1}`);
  const answer = evaluation.answers.get(query.key);
  if (answer === undefined) throw new Waiting();
  return read(answer);
}

export interface FleetQuestion {
  readonly query: FleetQuery;
  /** The function's result for an answer. @throws Problem `bad-script` */
  readonly read: (nodes: readonly NodeFacts[]) => Value;
}

/** Records a question. @param name of the node set @throws Problem `bad-script` for a malformed filter */
export function queryFor(
  name: FleetFunction,
  args: readonly Value[],
  evaluation: Evaluation,
  position: SourcePosition,
  set: string,
): FleetQuestion {
  const wantsFacts = name === 'get_fact';
  const terms = wantsFacts ? filterFrom(undefined, args[1], position) : discoverFilter(args, position);
  const filter = { ...terms, agents: terms.agents.map((agent) => evaluation.agentNames.get(agent) ?? agent) };
  withPosition(position, () => parseFilter(filter));
  const key = JSON.stringify([filter, wantsFacts]);
  const known = evaluation.queries.get(key);
  const query = known ?? { key, name: freeName(set, evaluation), filter, wantsFacts };
  evaluation.queries.set(key, query);
  const read = (nodes: readonly NodeFacts[]) =>
    wantsFacts ? factOf(args[0], nodes, position) : nodes.map((node) => node.name).sort();
  return { query, read };
}

function freeName(base: string, { queries }: Evaluation): string {
  const taken = new Set([...queries.values()].map(({ name }) => name));
  let free = base;
  for (let number = 2; taken.has(free); number++) free = `${base}_${number}`;
  return free;
}

function discoverFilter(args: readonly Value[], position: SourcePosition): FilterTerms {
  const [first, second] = args;
  if (args.length === 0 || (isHash(first) && args.length === 1)) return filterFrom('rpcutil', first, position);
  if (typeof first !== 'string' || first === '') {
    return failAt(
      position,
      `“discover” takes the name of an agent and a filter, not ${kindOf(first)} and ${kindOf(second)}`,
    );
  }
  return filterFrom(first, second, position);
}

/** Their names upstream, and the letters of an earlier version. */
const kinds: Readonly<Record<string, 'select' | 'identities' | 'classes' | 'facts' | 'agents'>> = {
  compound: 'select',
  identity: 'identities',
  class: 'classes',
  fact: 'facts',
  agent: 'agents',
  I: 'identities',
  C: 'classes',
  F: 'facts',
  A: 'agents',
};

function filterFrom(agent: string | undefined, hash: Value, position: SourcePosition): FilterTerms {
  if (hash !== undefined && !isHash(hash)) return failAt(position, `a filter is a hash, not ${kindOf(hash)}`);
  const terms = new Map<string, string[]>();
  for (const [key, value] of hash ?? []) {
    // `F` without quotes is a reference.
    const letter = isReference(key) ? formatReference(key) : key;
    const kind = typeof letter === 'string' && Object.hasOwn(kinds, letter) ? kinds[letter] : undefined;
    if (kind === undefined) {
      const known = ['agent', 'class', 'compound', 'fact', 'identity'];
      return failAt(position, `a filter has no “${toText(key)}”`, suggest(toText(key), known));
    }
    if (kind === 'select' && isList(value)) failAt(position, 'a compound filter is one string');
    terms.set(kind, [...(terms.get(kind) ?? []), ...readTerms(toText(key), value, position)]);
  }
  const { facts = [], classes = [], agents = [], identities = [], select = [] } = Object.fromEntries(terms);
  const all = agent === undefined || agents.includes(agent) ? agents : [agent, ...agents];
  return { ...noFilter, facts, classes, agents: all, identities, select: select.join('') };
}

function factOf(fact: Value, nodes: readonly NodeFacts[], position: SourcePosition): Value {
  if (typeof fact !== 'string' || fact === '')
    return failAt(position, `“get_fact” takes the name of a fact, not ${kindOf(fact)}`);
  const [node, ...others] = nodes;
  if (node === undefined) return failAt(position, `“get_fact” found no node`, 'its filter must match exactly one');
  if (others.length > 0) {
    const names = nodes.map(({ name }) => name).sort();
    return failAt(
      position,
      `“get_fact” found ${nodes.length} nodes: ${listNames(names, 10)}`,
      'its filter must match exactly one',
    );
  }
  const value = fact.split('.').reduce<unknown>((within, key) => memberOf(within, key), node.facts);
  return fromJson(memberOf(node.facts, fact) ?? value);
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

import { Problem } from '../core/errors.ts';
import { filterNeedsFacts, matchesFilter, parseFilter } from '../core/filter/filter.ts';
import { equalityTerms } from '../core/filter/terms.ts';
import { type JsonObject, parseJsonObject } from '../core/json.ts';
import { witness } from '../core/node.ts';
import type { FilterTerms, NodeDescription } from '../core/wire/messages.ts';
import { isDescribed } from './attempt.ts';
import type { BrokenNode, FoundNode } from './findings.ts';
import { mayMatch } from './may-match.ts';
import { comparable } from './mdns/wire/subtype.ts';

const codes = new Set(['left-set', 'incomplete-facts']);

/** Whether the problem is one of {@link doubtfulNodes}: the node itself works. */
export function isDoubtful({ code }: Problem): boolean {
  return codes.has(code);
}

/** The memory of nodes from before this search. */
export interface Remembered {
  /** This client's last sight of a node. */
  readonly seen: ReadonlyMap<string, { readonly facts: Readonly<Record<string, string>> }>;
  /** The same, and the other nodes' memory of it. */
  readonly known: () => ReadonlyMap<
    string,
    { readonly facts: JsonObject; readonly lastSeen: number; readonly by: string }
  >;
}

/**
 * Nodes that answered, do not match, and may still be members: their facts are incomplete, or they were members when
 * they were last seen. A set must not shrink silently.
 */
export function doubtfulNodes(filter: FilterTerms, unmatched: readonly FoundNode[], before: Remembered): BrokenNode[] {
  const names = filterNeedsFacts(parseFilter(filter));
  if (names.length === 0) return [];
  const withoutFacts = parseFilter({ ...filter, facts: [], with: [], select: '' });
  return unmatched.flatMap((node) => {
    const facts = factsOf(node);
    // Without a description nothing is known of it; without the agent or the class it is not a member, whatever its
    // facts.
    if (!isDescribed(node.description) || !matchesFilter(withoutFacts, toNodeFacts(node, facts))) return [];
    const problem = explainLostFact(filter, node, facts, before) ?? mayBelong(filter, names, node, facts, before);
    return problem === undefined ? [] : [{ name: node.name, addresses: node.addresses, problem }];
  });
}

function factsOf({ name, description }: FoundNode): JsonObject {
  try {
    return parseJsonObject(description.facts, `the facts of ${name}`);
  } catch {
    return {};
  }
}

function toNodeFacts({ name, description: { agents, classes } }: FoundNode, facts: JsonObject) {
  return { name, agents: agents.map((agent) => agent.name), classes, facts };
}

/** It had every requested fact, with that value. */
function explainLostFact(
  filter: FilterTerms,
  node: FoundNode,
  facts: JsonObject,
  before: Remembered,
): Problem | undefined {
  const terms = equalityTerms(filter).filter(({ kind }) => kind === 'fact');
  const has = (some: Readonly<JsonObject> | undefined, { key, value }: { key: string; value: string }) =>
    some !== undefined && Object.hasOwn(some, key) && comparable(String(some[key])) === comparable(value);
  const known = before.known().get(node.name);
  const lost = terms.find((term) => !Object.hasOwn(facts, term.key) && has(known?.facts, term));
  const others = terms.filter((term) => term !== lost);
  if (lost !== undefined && others.every((term) => has(facts, term) || has(known?.facts, term))) {
    const seen = `${lost.key}=${String(known?.facts[lost.key])} when it was last seen by ${witness(known?.by ?? 'cache')}`;
    const message = `${node.name} was in this set (${seen}) and now has no fact “${lost.key}”`;
    return new Problem('left-set', message, `correct its facts, or run “mco-deploy forget ${node.name}”`);
  }
  const seen = before.seen.get(node.name)?.facts;
  const moved = terms.find((term) => Object.hasOwn(facts, term.key) && !has(facts, term));
  if (moved === undefined || !terms.every((term) => has(seen, term))) return undefined;
  const message = `${node.name} was in this set (${moved.key}=${seen?.[moved.key]}) and now says ${moved.key}=${String(facts[moved.key])}`;
  return new Problem('left-set', message, 'if this is right, run the command again: it is reported once');
}

/** It could not read all of its facts, and nothing known rules it out. */
function mayBelong(
  filter: FilterTerms,
  names: readonly string[],
  node: FoundNode,
  facts: JsonObject,
  before: Remembered,
): Problem | undefined {
  const missing = missingOf(node.description, names);
  const described = toNodeFacts(node, { ...before.known().get(node.name)?.facts, ...facts });
  if (missing.length === 0 || !mayMatch(filter)(described)) return undefined;
  const what = missing.includes('*') ? 'it could not read all of its facts' : `it could not read ${missing.join(', ')}`;
  const hint = `“mco-deploy ping -I ${node.name}” shows why`;
  return new Problem('incomplete-facts', `${node.name} may belong to this set: ${what}`, hint);
}

function missingOf({ incomplete }: NodeDescription, names: readonly string[]): string[] {
  const hosts = new Set(names.map((name) => name.split('.', 1)[0] ?? ''));
  return incomplete.filter((name) => name === '*' || hosts.has(name));
}

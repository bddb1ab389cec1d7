import { matchesFilter, noFilter, parseFilter } from '../core/filter/filter.ts';
import { equalityTerms } from '../core/filter/terms.ts';
import type { NodeFacts } from '../core/node.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import { comparable } from './mdns/wire/subtype.ts';

/** What is known of a node. */
export type ClaimedFacts = Omit<NodeFacts, 'facts'> & { readonly facts: Readonly<NodeFacts['facts']> };

/**
 * Makes a test of whether a node of which something was last known may match a filter: false only where what is known
 * rules it out. Its name is known for certain; its agents and classes both, if any agent is; a fact not named may have any value.
 * @throws Problem `bad-filter`
 */
export function mayMatch(filter: FilterTerms): (node: ClaimedFacts) => boolean {
  const { identities, agents, classes } = filter;
  const byName = parseFilter({ ...noFilter, identities });
  const byLists = parseFilter({ ...noFilter, identities, agents, classes });
  const facts = equalityTerms(filter).filter(({ kind }) => kind === 'fact');
  return (node) =>
    matchesFilter(node.agents.length > 0 ? byLists : byName, { ...node, facts: { ...node.facts } }) &&
    facts.every(
      ({ key, value }) => !Object.hasOwn(node.facts, key) || comparable(String(node.facts[key])) === comparable(value),
    );
}

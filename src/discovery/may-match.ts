import { matchesFilter, noFilter, parseFilter } from '../core/filter/filter.ts';
import { equalityTerms } from '../core/filter/terms.ts';
import type { NodeFacts } from '../core/node.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import { comparable } from './mdns/wire/subtype.ts';

/** The known claims of a node. */
export type ClaimedFacts = Omit<NodeFacts, 'facts'> & { readonly facts: Readonly<NodeFacts['facts']> };

/**
 * Makes a test of whether a node with that name may match a filter. It is false only if the names in the filter rule the
 * node out.
 * @throws Problem `bad-filter`
 */
export function mayBeNamed({ identities }: FilterTerms): (name: string) => boolean {
  if (identities.length === 0) return () => true;
  const byName = parseFilter({ ...noFilter, identities });
  return (name) => matchesFilter(byName, { name, agents: [], classes: [], facts: {} });
}

/**
 * Makes a test of whether a node with known claims may match a filter: false only if they rule it out. Its name is
 * certain; its agents and classes are complete, if any agent is known; an unknown fact may have any value.
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

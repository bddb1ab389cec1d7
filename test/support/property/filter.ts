import { matchesFilter, noFilter, parseFilter } from '../../../src/core/filter/filter.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { NodeFacts } from '../../../src/core/node.ts';
import type { FilterTerms } from '../../../src/core/wire/messages.ts';

export function terms(some: Partial<FilterTerms>): FilterTerms {
  return { ...noFilter, ...some };
}

export function nodeWith(some: Partial<NodeFacts>): NodeFacts {
  return { name: 'dev1.devco.net', agents: [], classes: [], facts: {}, ...some };
}

export function matches(some: Partial<FilterTerms>, node: NodeFacts): boolean {
  return matchesFilter(parseFilter(terms(some)), node);
}

/** Whether a node with these facts matches `-F term`. */
export function factMatches(term: string, facts: JsonObject): boolean {
  return matches({ facts: [term] }, nodeWith({ facts }));
}

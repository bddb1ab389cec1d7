import { Problem } from '../errors.ts';
import type { FilterTerms } from '../wire/messages.ts';
import { holds } from './expression.ts';
import { parseIdentities } from './name.ts';
import { boundedCompiler } from './pattern.ts';
import { parseSelect } from './select.ts';
import { tokenize } from './tokens.ts';

/** Terms that every node matches. */
export const noFilter: FilterTerms = Object.freeze({
  facts: emptyList(),
  classes: emptyList(),
  agents: emptyList(),
  identities: emptyList(),
  with: emptyList(),
  select: '',
});

// Frozen, although FilterTerms has lists that can be changed, as the codec makes them.
function emptyList(): string[] {
  return Object.freeze<string[]>([]) as string[];
}

/**
 * Terms that match exactly the nodes that match both. Identities are OR-ed, so that two lists of them are narrowed to
 * the common ones, never joined.
 * @throws Problem `bad-filter` when no node can match both, or when both have terms that cannot be read or narrowed
 */
export function mergeTerms(a: FilterTerms, b: FilterTerms): FilterTerms {
  return {
    facts: joined(a.facts, b.facts),
    classes: joined(a.classes, b.classes),
    agents: joined(a.agents, b.agents),
    identities: narrowed(a.identities, b.identities),
    with: joined(a.with, b.with),
    select: bothOf(a.select, b.select),
  };
}

function joined(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}

function narrowed(a: readonly string[], b: readonly string[]): string[] {
  if (a.length === 0 || b.length === 0) return [...a, ...b];
  const identities = [...namesWithin(a, b), ...namesWithin(b, a), ...commonRegexes(a, b)];
  if (identities.length === 0)
    throw new Problem('bad-filter', 'no node can match: the two filters name different identities');
  return [...new Set(identities)];
}

function namesWithin(terms: readonly string[], others: readonly string[]): string[] {
  const test = parseIdentities(others, boundedCompiler());
  return terms
    .map((term) => term.trim().toLowerCase())
    .filter((name) => !isRegex(name) && holds(test, { name, agents: [], classes: [], facts: {} }));
}

function commonRegexes(a: readonly string[], b: readonly string[]): string[] {
  const [few = [], many = []] = [a, b]
    .map((terms) => terms.map((term) => term.trim()).filter(isRegex))
    .sort((one, other) => one.length - other.length);
  if (few.every((regex) => many.includes(regex))) return few;
  throw new Problem('bad-filter', 'two filters with different regexes for identities can’t be narrowed to one');
}

function isRegex(term: string): boolean {
  return term.startsWith('/');
}

function bothOf(a: string, b: string): string {
  if (a === '' || b === '' || a === b) return a === '' ? b : a;
  // Each must be complete by itself: an expression like “x) or (y” would invert the other.
  for (const select of [a, b]) parseSelect(select, boundedCompiler());
  const both = `(${a}) and (${b})`;
  const added = tokenize('() and ()').length;
  if (tokenize(both).length !== tokenize(a).length + tokenize(b).length + added) {
    throw new Problem('bad-filter', 'a value with a slash in one expression merges with the other', 'put it in quotes');
  }
  return both;
}

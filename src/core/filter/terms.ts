import type { NodeFacts } from '../node.ts';
import type { FilterTerms } from '../wire/messages.ts';
import type { Expression } from './expression.ts';
import { comparable, lookUpFact } from './fact.ts';
import { parseFilter } from './filter.ts';
import { booleanIn, comparableText } from './literal.ts';

/**
 * A term that a node can publish and a question can carry. The value is normalised, so that values that a filter treats
 * as equal are the same here; some unequal ones are the same, too, and the node itself decides.
 */
export interface EqualityTerm {
  readonly kind: 'fact' | 'agent' | 'class' | 'identity';
  /** The fact's name; empty for the other kinds. */
  readonly key: string;
  readonly value: string;
}

/**
 * The terms of a filter that are pure equality. All of them must match, except identities: any one of those is enough,
 * and they are returned only when none of them is a regex. The rest of the filter may require more.
 * @throws Problem `bad-filter`
 */
export function equalityTerms(filter: FilterTerms): EqualityTerm[] {
  return parseFilter(filter).all.flatMap(equalitiesIn);
}

/** The terms that a question for a node may contain: its agents, classes, name, and the facts of the given names. */
export function publishedTerms(node: NodeFacts, factNames: readonly string[]): EqualityTerm[] {
  const facts = factNames.flatMap((key) =>
    (comparable(lookUpFact(node.facts, key)) ?? []).map((fact) => factTerm(key, String(fact))),
  );
  return [
    ...node.agents.map((value) => ({ kind: 'agent', key: '', value }) as const),
    ...node.classes.map((value) => ({ kind: 'class', key: '', value }) as const),
    { kind: 'identity', key: '', value: node.name.toLowerCase() },
    ...facts,
  ];
}

function equalitiesIn(expression: Expression): EqualityTerm[] {
  switch (expression.kind) {
    case 'and':
      return expression.parts.flatMap(equalitiesIn);
    case 'fact':
      return expression.operator === '=' ? [factTerm(expression.name, expression.value)] : [];
    case 'class':
    case 'agent':
      return expression.pattern === undefined ? [{ kind: expression.kind, key: '', value: expression.value }] : [];
    case 'identity':
      if (expression.patterns.length > 0) return [];
      return [...expression.names].map((value) => ({ kind: 'identity', key: '', value }));
    default:
      return [];
  }
}

function factTerm(key: string, value: string): EqualityTerm {
  return { kind: 'fact', key, value: normalised(value) };
}

/** `1`, `1.0`, `t` and `TRUE` become the same, since a fact may be a number or a boolean where a filter has only text. */
function normalised(value: string): string {
  const text = comparableText(value);
  return String(booleanIn(text) ?? text);
}

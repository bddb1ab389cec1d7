import { isObject, type JsonObject } from '../json.ts';
import { booleanIn, numberIn } from './literal.ts';
import { longestText, type Match } from './pattern.ts';

/** `==`, `=<` and `=>` are other spellings; `=~` and `!~` carry a pattern, and `!~` is how `!=/regex/` is kept. */
export type FactOperator = '=' | '!=' | '<' | '>' | '<=' | '>=' | '=~' | '!~';

/** Tests one fact. */
export interface FactTest {
  readonly kind: 'fact';
  /** Its name; nested facts with dots. */
  readonly name: string;
  readonly operator: FactOperator;
  /** The text after the operator; the pattern's source where there is one. */
  readonly value: string;
  readonly pattern: Match | undefined;
}

type Scalar = string | number | boolean;

/** A name with more parts finds nothing, so that a lookup has bounded branches. */
export const mostParts = 16;

/** Characters in all the elements of a list; a longer one is too large to compare. */
const longestList = 16_384;
const mostElements = 1000;

/**
 * Whether the fact exists and passes the test. A list is equal to (less than, like) a value when one of its elements
 * is, and unequal when none is equal. An absent fact, null, an object or a value too large to compare gives false, even
 * for `!=`.
 */
export function holdsFact(test: FactTest, facts: JsonObject): boolean {
  const values = comparable(lookUpFact(facts, test.name));
  if (values === undefined) return false;
  const { operator, value, pattern } = test;
  switch (operator) {
    case '=':
      return values.some((fact) => isEqual(fact, value));
    case '!=':
      return !values.some((fact) => isEqual(fact, value));
    case '=~':
      return values.some((fact) => pattern?.(String(fact)));
    case '!~':
      return !values.some((fact) => pattern?.(String(fact)));
    default:
      return values.some((fact) => isOrdered(fact, operator, value));
  }
}

/** The value of a fact, own keys only; a fact with a dot in its name takes precedence over a nested one. */
export function lookUpFact(facts: JsonObject, name: string): unknown {
  const parts = name.split('.');
  return parts.length > mostParts ? undefined : descend(facts, parts);
}

function descend(value: unknown, parts: readonly string[]): unknown {
  if (parts.length === 0) return value;
  const isList = Array.isArray(value);
  if (!isList && !isObject(value)) return undefined;
  for (let taken = parts.length; taken > 0; taken--) {
    const key = parts.slice(0, taken).join('.');
    if (!Object.hasOwn(value, key) || (isList && !/^\d+$/.test(key))) continue;
    const found = descend((value as JsonObject)[key], parts.slice(taken));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The comparable values of a fact: itself, or a list's elements. Undefined when there is nothing to compare. */
export function comparable(fact: unknown): readonly Scalar[] | undefined {
  if (isScalar(fact)) return String(fact).length <= longestText ? [fact] : undefined;
  if (!Array.isArray(fact) || fact.length > mostElements) return undefined;
  const values = fact.filter(isScalar);
  const lengths = values.map((value) => String(value).length);
  const length = lengths.reduce((sum, one) => sum + one, 0);
  return length <= longestList && lengths.every((one) => one <= longestText) ? values : undefined;
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isEqual(fact: Scalar, value: string): boolean {
  switch (typeof fact) {
    case 'number':
      return fact === numberIn(value);
    case 'boolean':
      return fact === booleanIn(value);
    default:
      return fact.toLowerCase() === value.toLowerCase();
  }
}

function isOrdered(fact: Scalar, operator: '<' | '>' | '<=' | '>=', value: string): boolean {
  if (typeof fact === 'boolean') return false;
  const numbers = [typeof fact === 'number' ? fact : numberIn(fact), numberIn(value)] as const;
  if (numbers[0] !== undefined && numbers[1] !== undefined) return isBefore(numbers[0], operator, numbers[1]);
  return typeof fact === 'string' && isBefore(fact.toLowerCase(), operator, value.toLowerCase());
}

function isBefore<T extends string | number>(left: T, operator: '<' | '>' | '<=' | '>=', right: T): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}

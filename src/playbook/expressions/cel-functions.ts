/** Functions of expressions in addition to CEL’s own. */

import { Problem } from '../../core/errors.ts';
import { compilePattern, type Match } from '../../core/filter/pattern.ts';

export const linearMatches = 'matchesInLinearTime';
const longest = 10_000;

function bounded<T>(list: T[]): T[] {
  if (list.length > longest) throw new Problem('bad-value', `a list has more than ${longest} items`);
  return list;
}

/** Text in CEL's order (by code point); numbers before text. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === typeof b || (isNumber(a) && isNumber(b)))
    return a === b ? 0 : (a as string) < (b as string) ? -1 : 1;
  return isNumber(a) ? -1 : 1;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A loop uses the same pattern repeatedly: the last one stays compiled. */
let last: { readonly pattern: string; readonly match: Match } | undefined;

function matcherOf(pattern: string): Match {
  if (last?.pattern !== pattern) last = { pattern, match: compilePattern(pattern) };
  return last.match;
}

export const celFunctions: Readonly<Record<string, (...args: never[]) => unknown>> = {
  [`string.${linearMatches}(string): bool`]: (text: string, pattern: string) => matcherOf(pattern)(text),
  'list.unique(): list': (list: unknown[]) => [...new Set(list)],
  'list.flatten(): list': (list: unknown[]) => bounded(list.flat()),
  'list.sort(): list': (list: unknown[]) => [...list].sort(compare),
};

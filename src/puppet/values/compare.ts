import { isHash, isList, isReference, numberIn, type Value } from './values.ts';

/** `==`: strings ignoring case; a number and a string that looks like one as numbers. */
export function equal(a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a.toLowerCase() === b.toLowerCase();
  if (isList(a) && isList(b)) return a.length === b.length && a.every((value, index) => equal(value, b[index]));
  if (isHash(a) && isHash(b)) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
  }
  if (isReference(a) && isReference(b)) return a.reference === b.reference && a.title === b.title;
  const [left, right] = [numberIn(a), numberIn(b)];
  // By order: 1 and 1.0 are the same number.
  if (left !== undefined && right !== undefined) return left <= right && left >= right;
  return a === b;
}

/** Negative, zero or positive; undefined where the two can’t be put in order. */
export function order(a: Value, b: Value): number | undefined {
  const [left, right] = [numberIn(a), numberIn(b)];
  if (left !== undefined && right !== undefined) return left < right ? -1 : left > right ? 1 : 0;
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  const [low, high] = [a.toLowerCase(), b.toLowerCase()];
  return low < high ? -1 : low > high ? 1 : 0;
}

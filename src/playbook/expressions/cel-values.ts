/** The only code where values pass into and out of CEL, whose integers are BigInt. */
import { Problem } from '../../core/errors.ts';

const longest = 10_000;
const deepest = 40;

/**
 * JSON to CEL: whole numbers become integers; undefined becomes null.
 * @throws Problem `bad-value` for a list longer than 10,000 or nesting deeper than 40
 */
export function toCel(value: unknown, depth = 0): unknown {
  if (depth > deepest) throw new Problem('bad-value', `a value is nested deeper than ${deepest} levels`);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) {
    if (value.length > longest) throw new Problem('bad-value', `a list has more than ${longest} items`);
    return value.map((item) => toCel(item, depth + 1));
  }
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, toCel(item, depth + 1)]));
  }
  return value ?? null;
}

/**
 * CEL to JSON.
 * @throws Problem `bad-value` for an integer beyond 2^53, a list longer than 10,000, or a value that JSON cannot
 * express
 */
export function fromCel(value: unknown, depth = 0): unknown {
  if (depth > deepest) throw new Problem('bad-value', `a value is nested deeper than ${deepest} levels`);
  if (typeof value === 'bigint') return fromInteger(value);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) {
    if (value.length > longest) throw new Problem('bad-value', `a list has more than ${longest} items`);
    return value.map((item) => fromCel(item, depth + 1));
  }
  const entries = entriesOf(value);
  if (entries === undefined) throw new Problem('bad-value', 'a value is neither text, number, boolean, list nor map');
  return Object.fromEntries(entries.map(([key, item]) => [keyText(key), fromCel(item, depth + 1)]));
}

function entriesOf(value: unknown): (readonly [unknown, unknown])[] | undefined {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
  return isPlain(value) ? Object.entries(value) : undefined;
}

function fromInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Problem('bad-value', 'an integer is beyond 2^53');
  return number;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function keyText(key: unknown): string {
  const text = String(key);
  if (text === '__proto__') throw new Problem('bad-value', 'a map has a key “__proto__”');
  return text;
}

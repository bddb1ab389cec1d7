import { isHash, isList, toText, type Value } from './values.ts';

/** A fact’s value in the language. */
export function fromJson(value: unknown): Value {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(Object.entries(value).map(([key, one]) => [key, fromJson(one)]));
}

/** A value in the form for an agent: undef is null, a reference its name. */
export function toJson(value: Value): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (isList(value)) return value.map(toJson);
  if (isHash(value)) return Object.fromEntries([...value].map(([key, one]) => [toText(key), toJson(one)]));
  return toText(value);
}

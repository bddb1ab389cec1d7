import { isObject, type JsonObject } from '../../core/json.ts';

/** Facts that JSON can carry, and those that it cannot. */
export interface ReadFacts {
  readonly facts: JsonObject;
  /** A line for each omitted value: the path of its key, and the reason. */
  readonly lost: readonly LostFact[];
  /** A line for each value that is stored in another form. */
  readonly notes: readonly string[];
}

export interface LostFact {
  /** The fact's name, with dots for nested ones. */
  readonly key: string;
  readonly why: string;
}

/** The depth of a request or a reply (core/json.ts), minus what surrounds the facts there. */
const deepest = 28;
/** Values of one source, including repetitions by aliases. */
const most = 1_000_000;

const reaching = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Keeps what JSON can carry. A bad value affects only itself: numbers beyond 2^53 become text; values that are nested
 * too deep, texts with bytes that are not UTF-8, and keys that reach a prototype are omitted.
 * @param isWhole whether U+FFFD in a text is the author's, and not the place of a byte that is not UTF-8
 * @throws Error when the whole is not a mapping, or has more values than any host
 */
export function keepRepresentable(value: unknown, isWhole = true): ReadFacts {
  if (!isObject(value)) throw new Error('it is not a mapping of names to values');
  const lost: LostFact[] = [];
  const notes: string[] = [];
  let count = 0;
  const nothing = Symbol('nothing');
  const lose = (path: readonly string[], why: string) => {
    lost.push({ key: path.join('.').slice(0, 200), why });
    return nothing;
  };
  const keep = (one: unknown, path: readonly string[]): unknown => {
    count += 1;
    if (count > most) throw new Error(`it has more than ${most} values: does it use aliases many times over?`);
    if (isBroken(one)) return lose(path, 'it is not UTF-8 text');
    if (path.length > deepest) return lose(path, `it is nested deeper than ${deepest} levels`);
    if (typeof one === 'bigint' || (typeof one === 'number' && !isExact(one))) {
      notes.push(`${path.join('.')} is a number that JSON cannot carry exactly: it is kept as text`);
      return String(one);
    }
    if (Array.isArray(one))
      return one.map((item, at) => keep(item, [...path, String(at)])).filter((it) => it !== nothing);
    if (isObject(one)) return keepEntries(one, path);
    return ['string', 'number', 'boolean'].includes(typeof one) || one === null ? one : lose(path, 'it is not a value');
  };
  const isBroken = (one: unknown) => !isWhole && typeof one === 'string' && one.includes('\ufffd');
  const isPossible = (key: string, at: readonly string[]) => {
    if (isBroken(key)) lose(at, 'its name is not UTF-8 text');
    if (reaching.has(key)) lose(at, 'its name is reserved');
    return !isBroken(key) && !reaching.has(key);
  };
  const keepEntries = (from: JsonObject, path: readonly string[]): JsonObject => {
    const to: JsonObject = {};
    for (const [key, child] of Object.entries(from)) {
      const at = [...path, key];
      const kept = isPossible(key, at) ? keep(child, at) : nothing;
      if (kept !== nothing) to[key] = kept;
    }
    return to;
  };
  return { facts: keepEntries(value, []), lost, notes };
}

/** Integers beyond 2^53 are rounded; infinity and “not a number” are not JSON. */
function isExact(number: number): boolean {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
}

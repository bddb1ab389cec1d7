import { Problem } from './errors.ts';

export type JsonObject = Record<string, unknown>;

const deepest = 32;

/** True for what `{…}` in JSON gives: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Whether a value is nested too deep, has a key that reaches a prototype, or an integer that JSON cannot carry exactly.
 */
function faultIn(value: unknown, depth: number): string | undefined {
  if (depth > deepest) return `it is nested deeper than ${deepest} levels`;
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return 'it has an integer beyond 2^53: write it as a string';
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') return `it has a key “${key}”`;
    const fault = faultIn(child, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/**
 * A JSON object from bytes that came from outside; an empty one from none.
 * @param what its name in the message
 * @throws Problem `malformed-json`
 */
export function parseJsonObject(bytes: Uint8Array | string, what: string): JsonObject {
  const value = bytes.length === 0 ? {} : parseJson(bytes, what);
  if (!isObject(value)) throw new Problem('malformed-json', `${what} is not a JSON object`);
  return value;
}

/**
 * A JSON value from bytes that came from outside.
 * @param what its name in the message
 * @throws Problem `malformed-json`
 */
export function parseJson(bytes: Uint8Array | string, what: string): unknown {
  let value: unknown;
  try {
    const text = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    // Without its cause, which quotes the text: it may be secret.
    throw new Problem('malformed-json', `${what} is not JSON`);
  }
  const fault = faultIn(value, 0);
  if (fault !== undefined) throw new Problem('malformed-json', `${what} is refused: ${fault}`);
  return value;
}

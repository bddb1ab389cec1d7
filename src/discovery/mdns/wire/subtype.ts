import { createHash } from 'node:crypto';

/** A term of equality that a question can ask for. */
export interface Term {
  readonly kind: 'fact' | 'agent' | 'class' | 'identity';
  /** The fact's name; empty for the other kinds. */
  readonly key: string;
  readonly value: string;
}

/** The subtype of a node that could not, or would not, announce all of its terms: it answers every narrowed question. */
export const anyNodeSubtype = subtypeOf('any');

/**
 * The label of a term's DNS-SD subtype (RFC 6763, 7.1), without its underscore: 16 hex digits for any length of the
 * value. Hashed, because a label holds 63 bytes and a longer one would block the whole announcement. Two terms with one
 * label cost an extra answer, never a missing one: the node evaluates the filter.
 */
export function subtypeLabel({ kind, key, value }: Term): string {
  return subtypeOf(`${kind}:${key.toLowerCase()}=${comparable(value)}`);
}

function subtypeOf(text: string): string {
  return createHash('sha256').update(`mco-deploy/1/subtype\0${text}`).digest('hex').slice(0, 16);
}

/**
 * One text for all values that a filter might treat as equal: case is ignored, numbers compare as numbers, and `true`,
 * `t`, `1` (`false`, `f`, `0`) are equal if the fact is a boolean.
 */
export function comparable(value: string): string {
  const text = value.trim().toLowerCase();
  if (text === 'true' || text === 't') return '1';
  if (text === 'false' || text === 'f') return '0';
  const number = text === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? String(number) : text;
}

import { isUtf8 } from 'node:buffer';
import { refuseOddCharacters, refuseUtf16 } from '../../core/files/decode.ts';
import { keepRepresentable, type ReadFacts } from './representable.ts';
import { parseYaml } from './yaml-facts.ts';

export interface DecodedFacts {
  readonly text: string;
  /** Whether all bytes were UTF-8: otherwise those that were not are U+FFFD in the text. */
  readonly isWhole: boolean;
}

/** Bytes that are not UTF-8, as in a comment or a value in Latin-1, do not cost the rest of the file. @throws Error */
export function decodeFacts(bytes: Buffer): DecodedFacts {
  refuseUtf16(bytes);
  return { text: bytes.toString('utf8'), isWhole: isUtf8(bytes) };
}

/** @param isWhole as in {@link DecodedFacts} @throws Error with the reason */
export function parseYamlFacts(text: string, isWhole = true): ReadFacts {
  try {
    const { value, lost, notes } = parseYaml(text);
    const kept = keepRepresentable(value, isWhole);
    return { facts: kept.facts, lost: [...lost, ...kept.lost], notes: [...notes, ...kept.notes] };
  } catch (error) {
    // They are the better reason, where there are any.
    refuseOddCharacters(text);
    throw error;
  }
}

/** The context that a reviver of JSON.parse receives since ECMAScript 2025: the source text of a number. */
type ParseWithSource = (
  text: string,
  revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** @param isWhole as in {@link DecodedFacts} @throws Error with the reason */
export function parseJsonFacts(text: string, isWhole = true): ReadFacts {
  let value: unknown;
  try {
    value = (JSON.parse as ParseWithSource)(text.replace(/^\ufeff/, '') || '{}', (_key, one, { source }) =>
      typeof one === 'number' && source !== undefined ? exactly(one, source) : one,
    );
  } catch (cause) {
    // The parser calls itself for each level, and the stack is limited.
    if (cause instanceof RangeError) throw new Error('it is nested too deep', { cause });
    throw new Error(
      `it is not JSON (${String(cause instanceof Error ? cause.message : cause).replaceAll(/\s+/g, ' ')})`,
      { cause },
    );
  }
  return keepRepresentable(value, isWhole);
}

function exactly(number: number, source: string): unknown {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(number) ? number : BigInt(source);
  return Number.isFinite(number) ? number : source;
}

/**
 * The output of a program: JSON, `name=value` lines like Facter's external facts, or YAML. Bytes that were not UTF-8 are
 * U+FFFD in it. @throws Error
 */
export function parsePrintedFacts(text: string): ReadFacts {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return parseJsonFacts(trimmed, false);
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== '');
  const pairs = lines.map((line) => /^([A-Za-z0-9_:.-]{1,200})=(.*)$/.exec(line));
  if (!pairs.every((pair) => pair !== null)) return parseYamlFacts(text, false);
  return keepRepresentable(Object.fromEntries(pairs.map(([, name, value]) => [name, value])), false);
}

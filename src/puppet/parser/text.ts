import type { StringPart, Token } from '../lexer/token.ts';
import { limits } from '../limits.ts';
import type { Expression } from './ast.ts';
import { type Cursor, fail, nameOf, type Parse, peek } from './cursor.ts';

/** The pieces of an interpolated string. */
export function parseText(cursor: Cursor, { parts = [] }: Token, parse: Parse): (string | Expression)[] {
  return parts.map((part) => parsePart(cursor, part, parse));
}

function parsePart(cursor: Cursor, part: StringPart, parse: Parse): string | Expression {
  if ('text' in part) return part.text;
  if ('variable' in part) return { kind: 'variable', at: part.at, name: part.variable };
  const inner: Cursor = { source: cursor.source, tokens: asVariable(part.tokens), index: 0, depth: cursor.depth + 1 };
  if (inner.depth > limits.nesting) fail(inner, `expressions are nested deeper than ${limits.nesting}`);
  if (peek(inner).kind === 'end') fail(inner, 'an expression is missing between the braces');
  const expression = parse(inner);
  if (peek(inner).kind !== 'end') fail(inner, `“}” is missing before ${nameOf(peek(inner))}`);
  return expression;
}

/** A name at the beginning of `${ }` is a variable, alone or with a key after it; before anything else it is text. */
function asVariable(tokens: readonly Token[]): readonly Token[] {
  const [first, second] = tokens;
  if (first === undefined || !mayName(first)) return tokens;
  const alone = second?.kind === 'end' || (second?.kind === 'operator' && second.text === '[' && !second.gap);
  return alone ? [{ ...first, kind: 'variable' }, ...tokens.slice(1)] : tokens;
}

/** Digits name the groups of the last regex. */
function mayName({ kind, text }: Token): boolean {
  if (kind === 'number') return /^\d+$/.test(text);
  return kind === 'name' || (kind === 'keyword' && !['true', 'false', 'undef'].includes(text));
}

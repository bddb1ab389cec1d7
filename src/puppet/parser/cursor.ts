/** A position in a list of tokens. */
import type { Token } from '../lexer/token.ts';
import { limits } from '../limits.ts';
import { failAt, type ScriptSource } from '../source.ts';
import type { Expression } from './ast.ts';

export interface Cursor {
  readonly source: ScriptSource;
  readonly tokens: readonly Token[];
  /** Index of the current token. */
  index: number;
  /** How many constructs are open around it. */
  depth: number;
}

/** Parses a nested construct. */
export type Parse = (cursor: Cursor) => Expression;

const end: Token = { kind: 'end', text: '', at: 0, gap: false };

/** The current token, or a later one. */
export function peek({ tokens, index }: Cursor, ahead = 0): Token {
  return tokens[Math.min(index + ahead, tokens.length - 1)] ?? end;
}

export function take(cursor: Cursor): Token {
  const token = peek(cursor);
  cursor.index++;
  return token;
}

export function isOperator(token: Token, ...texts: readonly string[]): boolean {
  return token.kind === 'operator' && texts.includes(token.text);
}

export function isKeyword(token: Token, ...texts: readonly string[]): boolean {
  return token.kind === 'keyword' && texts.includes(token.text);
}

/** Takes the operator if it is the current token. */
export function accept(cursor: Cursor, text: string): boolean {
  const found = isOperator(peek(cursor), text);
  if (found) cursor.index++;
  return found;
}

/** @param what the expected construct, for the message: “a list”, “the title” */
export function expect(cursor: Cursor, text: string, what: string): Token {
  if (isOperator(peek(cursor), text)) return take(cursor);
  return fail(cursor, `“${text}” is missing ${what}, before ${nameOf(peek(cursor))}`);
}

export function fail({ source, ...cursor }: Cursor, message: string, hint = '', token?: Token): never {
  return failAt({ source, at: (token ?? peek({ source, ...cursor })).at }, message, hint);
}

/** The name of a token in a message. */
export function nameOf({ kind, text }: Token): string {
  switch (kind) {
    case 'end':
      return 'the end';
    case 'variable':
      return `“$${text}”`;
    case 'string':
      return text.length > 40 ? 'a string' : `'${text.replaceAll('\n', '\\n')}'`;
    case 'interpolated':
      return 'a string';
    case 'regex':
      return `/${text}/`;
    default:
      return `“${text}”`;
  }
}

/** Parses a nested construct. @throws Problem `bad-script` when the nesting is too deep */
export function within<T>(cursor: Cursor, parse: () => T): T {
  if (++cursor.depth > limits.nesting) fail(cursor, `blocks and expressions are nested deeper than ${limits.nesting}`);
  const parsed = parse();
  cursor.depth--;
  return parsed;
}

/** Members separated by commas, with an optional comma at the end, up to the closing operator. */
export function parseMembers<T>(cursor: Cursor, close: string, what: string, parse: () => T): T[] {
  const members: T[] = [];
  while (!isOperator(peek(cursor), close)) {
    members.push(parse());
    if (!accept(cursor, ',')) break;
  }
  if (!isOperator(peek(cursor), close)) {
    fail(cursor, `“,” or “${close}” is missing ${what}, before ${nameOf(peek(cursor))}`);
  }
  cursor.index++;
  return members;
}

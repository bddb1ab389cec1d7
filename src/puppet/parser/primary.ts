import { parseNumber } from '../lexer/number.ts';
import type { Token } from '../lexer/token.ts';
import type { Expression } from './ast.ts';
import {
  type Cursor,
  expect,
  fail,
  isOperator,
  nameOf,
  parseMembers,
  peek,
  take,
  within,
  type Parse,
} from './cursor.ts';
import { parseText } from './text.ts';

/** A single value. @param parse its nested parts @throws Problem `bad-script` */
export function parsePrimary(cursor: Cursor, parse: Parse): Expression {
  const token = take(cursor);
  const { kind, text, at } = token;
  switch (kind) {
    case 'string':
      return { kind: 'value', at, value: text };
    case 'interpolated':
      return { kind: 'text', at, parts: parseText(cursor, token, parse) };
    case 'number':
      return { kind: 'value', at, value: parseNumber(text) };
    case 'variable':
      return { kind: 'variable', at, name: text };
    case 'regex':
      return { kind: 'regex', at, source: text };
    case 'reference':
      return { kind: 'reference', at, name: text };
    case 'name':
      return isOperator(peek(cursor), '(') ? parseCall(cursor, token, parse) : { kind: 'word', at, name: text };
    case 'keyword':
      return parseKeyword(cursor, token);
    case 'operator':
      return parseBracket(cursor, token, parse);
    case 'end':
      return fail(cursor, 'the script ends where a value is expected', '', token);
  }
}

const constants: Readonly<Record<string, boolean | undefined>> = { true: true, false: false, undef: undefined };

function parseKeyword(cursor: Cursor, token: Token): Expression {
  const { text, at } = token;
  if (Object.hasOwn(constants, text)) return { kind: 'value', at, value: constants[text] };
  if (text === 'default') return { kind: 'default', at };
  if (isOperator(peek(cursor), '=>')) {
    return fail(cursor, `“${text}” is a keyword and can’t be a key as it is`, `write '${text}' => …`, token);
  }
  return fail(cursor, `a value is expected, and “${text}” is a keyword`, `as text it is written '${text}'`, token);
}

function parseBracket(cursor: Cursor, token: Token, parse: Parse): Expression {
  const { text, at } = token;
  if (text === '[') {
    return {
      kind: 'list',
      at,
      items: within(cursor, () => parseMembers(cursor, ']', 'in the list', () => parse(cursor))),
    };
  }
  if (text === '{') return { kind: 'hash', at, entries: within(cursor, () => parseEntries(cursor, parse)) };
  if (text === '(') {
    const inner = parse(cursor);
    expect(cursor, ')', 'after the expression');
    return inner;
  }
  return fail(cursor, `a value is expected before ${nameOf(token)}`, '', token);
}

function parseEntries(cursor: Cursor, parse: Parse) {
  return parseMembers(cursor, '}', 'in the hash', () => {
    const key = parse(cursor);
    expect(cursor, '=>', 'after the key');
    return [key, parse(cursor)] as const;
  });
}

/** A name with arguments in parentheses; the name is consumed already. */
function parseCall(cursor: Cursor, { text: name, at }: Token, parse: Parse) {
  take(cursor);
  const args = within(cursor, () => parseMembers(cursor, ')', `in the arguments of ${name}`, () => parse(cursor)));
  if (isOperator(peek(cursor), '|')) {
    fail(cursor, 'lambdas are not part of these scripts', 'a list as a title declares one resource for each member');
  }
  return { kind: 'call', at, name, args } as const;
}

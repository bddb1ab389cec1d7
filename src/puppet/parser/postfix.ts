import type { Expression } from './ast.ts';
import { type Cursor, expect, fail, isOperator, parseMembers, peek, take, within, type Parse } from './cursor.ts';

/** The suffixes of a value: `[key]`, `? { selector }`. Unsupported ones are refused by name. */
export function parsePostfix(cursor: Cursor, primary: Expression, parse: Parse): Expression {
  let value = primary;
  for (let count = 0; ; count++) {
    const token = peek(cursor);
    if (count > 50) fail(cursor, 'a value has more than 50 keys after it');
    if (isOperator(token, '[') && !token.gap) {
      take(cursor);
      const keys = parseMembers(cursor, ']', 'after the key', () => parse(cursor));
      if (keys.length === 0) fail(cursor, 'a key is missing between the brackets', '', token);
      value = { kind: 'access', at: value.at, of: value, keys };
    } else if (isOperator(token, '?')) {
      take(cursor);
      value = { kind: 'selector', at: token.at, of: value, options: parseOptions(cursor, parse) };
    } else if (isOperator(token, '.')) {
      fail(
        cursor,
        'methods and their lambdas are not part of these scripts',
        'write name(value), or quote a name that has dots',
      );
    } else return value;
  }
}

function parseOptions(cursor: Cursor, parse: Parse) {
  expect(cursor, '{', 'after “?”');
  const options = within(cursor, () =>
    parseMembers(cursor, '}', 'in the selector', () => {
      const key = parse(cursor);
      expect(cursor, '=>', 'in the selector');
      return { key, value: parse(cursor) };
    }),
  );
  if (options.length === 0) fail(cursor, 'the selector has no options');
  return options;
}

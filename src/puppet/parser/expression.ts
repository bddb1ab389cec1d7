/** Expressions, by precedence (Puppet language reference, expressions and operators). */
import type { Token } from '../lexer/token.ts';
import { limits } from '../limits.ts';
import type { BinaryOperator, Expression } from './ast.ts';
import { type Cursor, fail, isKeyword, isOperator, peek, take, within } from './cursor.ts';
import { parsePostfix } from './postfix.ts';
import { parsePrimary } from './primary.ts';

/** The precedence of each operator. */
const binding: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '==': 4,
  '!=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
  '=~': 7,
  '!~': 7,
  in: 8,
};

/** @throws Problem `bad-script` */
export function parseExpression(cursor: Cursor): Expression {
  return within(cursor, () => parseBinary(cursor, 1));
}

function parseBinary(cursor: Cursor, least: number): Expression {
  let left = parseUnary(cursor);
  for (let count = 0; ; count++) {
    const token = peek(cursor);
    const operator = operatorOf(token);
    if (operator === undefined || binding[operator] < least) return left;
    if (count > limits.operators) fail(cursor, `an expression has more than ${limits.operators} operators`);
    take(cursor);
    const right = within(cursor, () => parseBinary(cursor, binding[operator] + 1));
    left = { kind: 'binary', at: token.at, operator, left, right };
  }
}

function operatorOf(token: Token): BinaryOperator | undefined {
  const { kind, text } = token;
  const may = kind === 'operator' || isKeyword(token, 'and', 'or', 'in');
  return may && Object.hasOwn(binding, text) ? (text as BinaryOperator) : undefined;
}

function parseUnary(cursor: Cursor): Expression {
  const token = peek(cursor);
  if (!isOperator(token, '!', '-')) return parsePostfix(cursor, parsePrimary(cursor, parseExpression), parseExpression);
  take(cursor);
  const of = within(cursor, () => parseUnary(cursor));
  return { kind: token.text === '!' ? 'not' : 'minus', at: token.at, of };
}

/** The parts of a chain, or a single one: resources, references, assignments, calls. */
import type { Expression, Item } from './ast.ts';
import { type Cursor, fail, isKeyword, isOperator, nameOf, peek, take } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseBlockOfAttributes, parseCollector, parseDefaults, parseResource } from './resource.ts';

/** Functions that may be called without parentheses. */
const statementFunctions = new Set([
  'alert',
  'contain',
  'crit',
  'debug',
  'emerg',
  'err',
  'fail',
  'include',
  'info',
  'notice',
  'realize',
  'require',
  'tag',
  'warning',
]);

/** @throws Problem `bad-script` */
export function parseItem(cursor: Cursor): Item {
  const token = peek(cursor);
  const next = peek(cursor, 1);
  if (isOperator(token, '@', '@@')) return parseVirtual(cursor);
  const mayBeType = token.kind === 'name' || isKeyword(token, 'class');
  if (mayBeType && isOperator(next, '{')) return parseResource(cursor, false);
  if (token.kind === 'reference' && isOperator(next, '{')) return parseDefaults(cursor);
  if (token.kind === 'reference' && isOperator(next, '<|', '<<|')) return parseCollector(cursor);
  if (token.kind === 'variable' && isOperator(next, '=')) return parseAssignment(cursor);
  if (token.kind === 'name' && statementFunctions.has(token.text) && !isOperator(next, '(')) {
    return { kind: 'expression', at: token.at, expression: parseStatementCall(cursor) };
  }
  refuseForeign(cursor);
  const expression = parseExpression(cursor);
  if (expression.kind === 'access' && isOperator(peek(cursor), '{')) {
    return { kind: 'override', at: expression.at, of: expression, attributes: parseBlockOfAttributes(cursor) };
  }
  return { kind: 'expression', at: expression.at, expression };
}

function parseVirtual(cursor: Cursor): Item {
  const token = take(cursor);
  if (token.text === '@@') {
    fail(cursor, 'exported resources are not part of these scripts', 'a virtual one begins with a single “@”', token);
  }
  if (peek(cursor).kind !== 'name') fail(cursor, `a type is expected after “@”, not ${nameOf(peek(cursor))}`);
  return parseResource(cursor, true);
}

function parseAssignment(cursor: Cursor): Item {
  const { at, text: name } = take(cursor);
  if (name.includes('::') || /^\d/.test(name)) {
    fail(cursor, `“$${name}” can’t be assigned`, 'a variable is assigned by its plain name', { ...peek(cursor), at });
  }
  take(cursor);
  return { kind: 'assign', at, name, value: parseExpression(cursor) };
}

function parseStatementCall(cursor: Cursor): Expression {
  const { at, text: name } = take(cursor);
  const args: Expression[] = [parseExpression(cursor)];
  while (isOperator(peek(cursor), ',')) {
    take(cursor);
    args.push(parseExpression(cursor));
  }
  return { kind: 'call', at, name, args };
}

/** Parts of the language that an orchestration does not need, by their first words. */
const foreign: Readonly<Record<string, readonly [string, string]>> = {
  function: ['functions of a script’s own are not part of these scripts', 'write a define'],
  type: ['type aliases are not part of these scripts', 'write the type where it is used'],
  import: ['“import” is not part of these scripts', 'put all into one file'],
  application: ['“application” is not part of these scripts', 'write a class'],
  site: ['“site” is not part of these scripts', 'write a class'],
  plan: ['plans are not part of these scripts', 'write resources and chain them'],
};

function refuseForeign(cursor: Cursor): void {
  const { kind, text } = peek(cursor);
  const next = peek(cursor, 1);
  const begins = ['name', 'reference', 'string'].includes(next.kind);
  const [message, hint] = (kind === 'name' && begins && Object.hasOwn(foreign, text) ? foreign[text] : undefined) ?? [];
  if (message !== undefined) fail(cursor, message, hint);
  if (kind === 'name' && begins && !next.gap) return;
  if (kind === 'name' && next.kind === 'string') {
    fail(cursor, `“${text}” is not a function that takes its arguments without parentheses`, `write ${text}(…)`);
  }
}

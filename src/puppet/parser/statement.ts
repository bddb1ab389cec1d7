import type { Arrow, Branch, Definition, Expression, Item, Parameter, Statement } from './ast.ts';
import {
  accept,
  type Cursor,
  expect,
  fail,
  isKeyword,
  isOperator,
  nameOf,
  parseMembers,
  peek,
  take,
  within,
} from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseItem } from './item.ts';

/** @throws Problem `bad-script` */
export function parseStatement(cursor: Cursor): Statement {
  const token = peek(cursor);
  const declares = isOperator(peek(cursor, 1), '{');
  if (isKeyword(token, 'define') || (isKeyword(token, 'class') && !declares)) return parseDefinition(cursor);
  if (isKeyword(token, 'node')) return parseNode(cursor);
  if (isKeyword(token, 'if', 'unless')) return parseIf(cursor);
  if (isKeyword(token, 'case')) return parseCase(cursor);
  return parseChain(cursor);
}

function parseBlock(cursor: Cursor, what: string): Statement[] {
  const { at } = expect(cursor, '{', what);
  return within(cursor, () => {
    const statements: Statement[] = [];
    while (!accept(cursor, '}')) {
      if (peek(cursor).kind === 'end') {
        fail(cursor, 'a block begins here that no “}” ends', '', { kind: 'operator', text: '{', at, gap: false });
      }
      statements.push(parseStatement(cursor));
      accept(cursor, ';');
    }
    return statements;
  });
}

function parseDefinition(cursor: Cursor): Definition {
  const { text } = take(cursor);
  const kind = text === 'define' ? 'define' : 'class';
  const name = takeName(cursor, `after “${kind}”`);
  const parameters = accept(cursor, '(')
    ? parseMembers(cursor, ')', `in the parameters of ${name.text}`, () => parseParameter(cursor))
    : [];
  const inherits =
    isKeyword(peek(cursor), 'inherits') && take(cursor) ? takeName(cursor, 'after “inherits”').text : undefined;
  if (kind === 'define' && inherits !== undefined) {
    fail(cursor, 'a define can’t inherit', 'only a class can', { ...peek(cursor), at: name.at });
  }
  const body = parseBlock(cursor, `after ${kind} ${name.text}`);
  return { kind, at: name.at, name: name.text.replace(/^::/, ''), parameters, inherits, body };
}

function takeName(cursor: Cursor, what: string) {
  const token = take(cursor);
  if (token.kind === 'name') return token;
  return fail(cursor, `a name is expected ${what}, not ${nameOf(token)}`, '', token);
}

/** `[type] $name [= default]`. */
function parseParameter(cursor: Cursor): Parameter {
  const type = peek(cursor).kind === 'reference' ? parseExpression(cursor) : undefined;
  const token = take(cursor);
  if (token.kind !== 'variable' || /^\d|::/.test(token.text)) {
    fail(cursor, `a parameter is expected, like $name, not ${nameOf(token)}`, '', token);
  }
  const fallback = accept(cursor, '=') ? parseExpression(cursor) : undefined;
  return { at: token.at, name: token.text, type, fallback };
}

function parseNode(cursor: Cursor): Statement {
  const { at } = take(cursor);
  const names: Expression[] = [];
  do names.push(parseExpression(cursor));
  while (accept(cursor, ','));
  const wrong = names.find(({ kind }) => !['value', 'word', 'regex', 'default'].includes(kind));
  if (wrong !== undefined)
    fail(cursor, 'a node is named by a string, a regex or “default”', '', { ...peek(cursor), at: wrong.at });
  return { kind: 'node', at, names, body: parseBlock(cursor, 'after the node') };
}

function parseIf(cursor: Cursor): Statement {
  const { at, text } = take(cursor);
  const value = parseExpression(cursor);
  const condition: Expression = text === 'unless' ? { kind: 'not', at: value.at, of: value } : value;
  const branches: Branch[] = [{ condition, body: parseBlock(cursor, 'after the condition') }];
  while (text === 'if' && isKeyword(peek(cursor), 'elsif')) {
    take(cursor);
    branches.push({ condition: parseExpression(cursor), body: parseBlock(cursor, 'after the condition') });
  }
  const { kind, text: next } = peek(cursor);
  if (kind === 'name' && (next === 'elseif' || next === 'elif'))
    fail(cursor, `“${next}” is not a keyword`, 'write elsif');
  const otherwise = isKeyword(peek(cursor), 'else') && take(cursor) ? parseBlock(cursor, 'after “else”') : [];
  return { kind: 'if', at, branches, otherwise };
}

function parseCase(cursor: Cursor): Statement {
  const { at } = take(cursor);
  const of = parseExpression(cursor);
  expect(cursor, '{', 'after the value of “case”');
  const options = within(cursor, () => {
    const found: { keys: Expression[]; body: Statement[] }[] = [];
    while (!accept(cursor, '}')) {
      const keys = parseMembers(cursor, ':', 'after the option', () => parseExpression(cursor));
      if (keys.length === 0) fail(cursor, 'an option is missing before “:”');
      found.push({ keys, body: parseBlock(cursor, 'after the option') });
    }
    return found;
  });
  if (options.length === 0) fail(cursor, '“case” has no options', '', { ...peek(cursor), at });
  return { kind: 'case', at, of, options };
}

function parseChain(cursor: Cursor): Statement {
  const { at } = peek(cursor);
  const items: Item[] = [parseItem(cursor)];
  const arrows: Arrow[] = [];
  while (isOperator(peek(cursor), '->', '~>', '<-', '<~')) {
    arrows.push(take(cursor).text as Arrow);
    items.push(parseItem(cursor));
  }
  for (const item of items) checkItem(item, items.length > 1, cursor);
  return { kind: 'chain', at, items, arrows };
}

/** A value that is not used is a mistake. */
function checkItem(item: Item, chained: boolean, cursor: Cursor): void {
  const at = { ...peek(cursor), at: item.at };
  if (chained && (item.kind === 'assign' || item.kind === 'defaults')) {
    fail(cursor, 'only resources, and references to them, can be chained', '', at);
  }
  if (item.kind !== 'expression') return;
  const { kind } = item.expression;
  if (kind === 'call' || (chained && ['access', 'variable', 'list'].includes(kind))) return;
  const hint = kind === 'word' ? 'a resource is written type { "title": … }' : '';
  fail(cursor, chained ? 'this can’t be chained' : 'nothing uses this value', hint, at);
}

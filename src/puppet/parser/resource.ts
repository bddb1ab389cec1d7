/** Resources, and statements that set their attributes elsewhere. */
import type { Attribute, Collector, Item, Query, ResourceBody, ResourceStatement } from './ast.ts';
import { accept, type Cursor, expect, fail, isKeyword, isOperator, nameOf, peek, take, within } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parsePostfix } from './postfix.ts';
import { parsePrimary } from './primary.ts';

/** `type { title: attributes; … }`; the type is the current token. */
export function parseResource(cursor: Cursor, virtual: boolean): ResourceStatement {
  const { at, text: type } = take(cursor);
  expect(cursor, '{', `after ${type}`);
  const bodies = within(cursor, () => parseBodies(cursor));
  return { kind: 'resource', at, type: type.replace(/^::/, ''), virtual, bodies };
}

function parseBodies(cursor: Cursor): ResourceBody[] {
  const bodies: ResourceBody[] = [];
  while (!accept(cursor, '}')) {
    const title = parseExpression(cursor);
    expect(cursor, ':', 'after the title');
    bodies.push({ at: title.at, title, attributes: parseAttributes(cursor, [';', '}']) });
    if (accept(cursor, ';')) continue;
    expect(cursor, '}', 'after the attributes');
    break;
  }
  if (bodies.length === 0) fail(cursor, 'a resource without a title', 'write type { "title": … }');
  return bodies;
}

/** `name => value, …` up to their terminator, which stays the current token. */
function parseAttributes(cursor: Cursor, ends: readonly string[]): Attribute[] {
  const attributes: Attribute[] = [];
  while (!isOperator(peek(cursor), ...ends)) {
    attributes.push(parseAttribute(cursor));
    if (!accept(cursor, ',')) break;
  }
  if (!isOperator(peek(cursor), ...ends)) {
    fail(cursor, `“,” or “}” is missing after the attribute, before ${nameOf(peek(cursor))}`);
  }
  return attributes;
}

function parseAttribute(cursor: Cursor): Attribute {
  const token = take(cursor);
  if (token.kind !== 'name' && token.kind !== 'keyword') {
    const hint = token.text === '*' ? 'name each attribute' : '';
    fail(cursor, `an attribute’s name is expected, not ${nameOf(token)}`, hint, token);
  }
  if (!isOperator(peek(cursor), '=>', '+>')) {
    fail(cursor, `“=>” is missing after “${token.text}”, before ${nameOf(peek(cursor))}`);
  }
  const adds = take(cursor).text === '+>';
  return { at: token.at, name: token.text, adds, value: parseExpression(cursor) };
}

/** `{ attributes }`. */
export function parseBlockOfAttributes(cursor: Cursor): Attribute[] {
  expect(cursor, '{', 'before the attributes');
  const attributes = within(cursor, () => parseAttributes(cursor, ['}']));
  expect(cursor, '}', 'after the attributes');
  return attributes;
}

/** `Type { attributes }`. */
export function parseDefaults(cursor: Cursor): Item {
  const { at, text } = take(cursor);
  return { kind: 'defaults', at, type: typeOf(text), attributes: parseBlockOfAttributes(cursor) };
}

/** `Type <| query |>`, maybe with attributes. */
export function parseCollector(cursor: Cursor): Collector {
  const { at, text } = take(cursor);
  const opening = take(cursor);
  if (opening.text === '<<|') {
    fail(cursor, 'exported resources are not part of these scripts', 'collect those of the script with <| |>', opening);
  }
  const query = isOperator(peek(cursor), '|>') ? undefined : within(cursor, () => parseQuery(cursor));
  expect(cursor, '|>', 'after the query');
  const attributes = isOperator(peek(cursor), '{') ? parseBlockOfAttributes(cursor) : [];
  return { kind: 'collector', at, type: typeOf(text), query, attributes };
}

function parseQuery(cursor: Cursor): Query {
  let left = parseTest(cursor);
  while (isKeyword(peek(cursor), 'and', 'or')) {
    const kind = take(cursor).text === 'and' ? 'and' : 'or';
    left = { kind, left, right: parseTest(cursor) };
  }
  return left;
}

function parseTest(cursor: Cursor): Query {
  if (accept(cursor, '(')) {
    const inner = within(cursor, () => parseQuery(cursor));
    expect(cursor, ')', 'in the query');
    return inner;
  }
  const { at, kind, text } = take(cursor);
  if (kind !== 'name') fail(cursor, 'a query compares an attribute: name == value', '', { at, kind, text, gap: false });
  if (!isOperator(peek(cursor), '==', '!=')) fail(cursor, `“==” or “!=” is missing after “${text}”`);
  const equal = take(cursor).text === '==';
  // A whole expression would consume the “and” of the query.
  const value = parsePostfix(cursor, parsePrimary(cursor, parseExpression), parseExpression);
  return { kind: 'test', at, attribute: text, equal, value };
}

/** `App::Update` names the type app::update. */
function typeOf(reference: string): string {
  return reference.replace(/^::/, '').toLowerCase();
}

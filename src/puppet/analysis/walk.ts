/** Iterates over a parsed script. */
import type { Attribute, Expression, Item, Query, Statement } from '../parser/ast.ts';

/** The nested statements, without those of defines and classes. */
function blocksIn(statement: Statement): (readonly Statement[])[] {
  switch (statement.kind) {
    case 'if':
      return [...statement.branches.map(({ body }) => body), statement.otherwise];
    case 'case':
      return statement.options.map(({ body }) => body);
    case 'node':
      return [statement.body];
    default:
      return [];
  }
}

/** Every statement that is evaluated with these, in order. */
export function* everyStatement(statements: readonly Statement[]): Generator<Statement> {
  for (const statement of statements) {
    yield statement;
    for (const block of blocksIn(statement)) yield* everyStatement(block);
  }
}

/** Every item of their chains. */
export function* everyItem(statements: readonly Statement[]): Generator<Item> {
  for (const statement of everyStatement(statements)) if (statement.kind === 'chain') yield* statement.items;
}

/** Every expression in them, and those within. */
export function* everyExpression(statements: readonly Statement[]): Generator<Expression> {
  for (const statement of everyStatement(statements)) {
    for (const expression of expressionsOf(statement)) yield* withInner(expression);
  }
}

function expressionsOf(statement: Statement): Expression[] {
  switch (statement.kind) {
    case 'if':
      return statement.branches.map(({ condition }) => condition);
    case 'case':
      return [statement.of, ...statement.options.flatMap(({ keys }) => keys)];
    case 'node':
      return [...statement.names];
    case 'chain':
      return statement.items.flatMap(expressionsIn);
    default:
      return statement.parameters.flatMap(({ type, fallback }) => [type ?? [], fallback ?? []].flat());
  }
}

function expressionsIn(item: Item): Expression[] {
  const values = (attributes: readonly Attribute[]) => attributes.map(({ value }) => value);
  switch (item.kind) {
    case 'resource':
      return item.bodies.flatMap(({ title, attributes }) => [title, ...values(attributes)]);
    case 'collector':
      return [...(item.query === undefined ? [] : expressionsOfQuery(item.query)), ...values(item.attributes)];
    case 'defaults':
      return values(item.attributes);
    case 'override':
      return [item.of, ...values(item.attributes)];
    case 'assign':
      return [item.value];
    case 'expression':
      return [item.expression];
  }
}

function expressionsOfQuery(query: Query): Expression[] {
  if (query.kind === 'test') return [query.value];
  return [...expressionsOfQuery(query.left), ...expressionsOfQuery(query.right)];
}

export function* withInner(expression: Expression): Generator<Expression> {
  yield expression;
  for (const one of innerOf(expression)) yield* withInner(one);
}

function innerOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'text':
      return expression.parts.filter((part) => typeof part !== 'string');
    case 'list':
      return [...expression.items];
    case 'hash':
      return expression.entries.flat();
    case 'access':
      return [expression.of, ...expression.keys];
    case 'not':
    case 'minus':
      return [expression.of];
    case 'binary':
      return [expression.left, expression.right];
    case 'selector':
      return [expression.of, ...expression.options.flatMap(({ key, value }) => [key, value])];
    case 'call':
      return [...expression.args];
    default:
      return [];
  }
}

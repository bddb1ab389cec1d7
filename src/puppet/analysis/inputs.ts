/** The inputs of a script: the variables at its top that it reads and never assigns. It does not declare them. */
import type { InputSource } from '../../playbook/source/schema.ts';
import type { Definition, Expression, Statement } from '../parser/ast.ts';
import { everyExpression, everyItem, everyStatement, withInner } from './walk.ts';

/** Facts of the machine that runs the script, which it reads like variables. */
const scriptFacts = ['domain', 'facts', 'fqdn', 'hostname', 'id', 'operatingsystem'] as const;

/** By name, in the order in which the script first reads them. */
export function findInputs(statements: readonly Statement[]): Record<string, InputSource> {
  const assigned = assignedIn(statements);
  const texts = failuresIn(statements);
  const found: Record<string, InputSource> = {};
  const note = (name: string) => {
    if (assigned.has(name) || /^\d|::/.test(name) || Object.hasOwn(found, name)) return;
    if (scriptFacts.some((fact) => fact === name)) return;
    const description = texts.get(name);
    found[name] = { type: 'string', required: false, ...(description === undefined ? {} : { description }) };
  };
  for (const name of readIn(statements)) note(name.replace(/^::/, ''));
  for (const definition of definitionsIn(statements)) {
    const own = new Set([
      'name',
      'title',
      ...definition.parameters.map((one) => one.name),
      ...assignedIn(definition.body),
    ]);
    for (const name of readIn([definition, ...definition.body])) {
      if (name.startsWith('::')) note(name.slice(2));
      else if (!own.has(name)) note(name);
    }
  }
  return found;
}

function* readIn(statements: readonly Statement[]): Generator<string> {
  for (const expression of everyExpression(statements.filter((one) => !isDefinition(one) || one === statements[0]))) {
    if (expression.kind === 'variable') yield expression.name;
  }
}

function isDefinition(statement: Statement): statement is Definition {
  return statement.kind === 'define' || statement.kind === 'class';
}

function* definitionsIn(statements: readonly Statement[]): Generator<Definition> {
  for (const statement of statements) {
    if (!isDefinition(statement)) continue;
    yield statement;
    yield* definitionsIn(statement.body);
  }
}

function assignedIn(statements: readonly Statement[]): Set<string> {
  return new Set([...everyItem(statements)].flatMap((item) => (item.kind === 'assign' ? [item.name] : [])));
}

/** The script's message for an empty variable: `if empty($x) { fail('…') }`. */
function failuresIn(statements: readonly Statement[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const statement of everyStatement(statements)) {
    if (statement.kind !== 'if') continue;
    for (const { condition, body } of statement.branches) {
      const names = new Set([...withInner(condition)].flatMap((one) => (one.kind === 'variable' ? [one.name] : [])));
      const [name] = names;
      const text = failureIn(body);
      if (name !== undefined && names.size === 1 && text !== undefined && !texts.has(name)) texts.set(name, text);
    }
  }
  return texts;
}

function failureIn(body: readonly Statement[]): string | undefined {
  for (const item of everyItem(body)) {
    if (item.kind !== 'expression' || item.expression.kind !== 'call' || item.expression.name !== 'fail') continue;
    const [text] = item.expression.args;
    return text === undefined ? undefined : literalOf(text);
  }
  return undefined;
}

function literalOf(expression: Expression): string | undefined {
  return expression.kind === 'value' && typeof expression.value === 'string' ? expression.value : undefined;
}

/** The declarations of a script, as far as its text shows them: for its documentation. */
import type { Expression, Item, Statement } from '../parser/ast.ts';
import { toText } from '../values/values.ts';
import { everyItem } from './walk.ts';

export interface OutlineEntry {
  /** `app::update ${cluster}`. */
  readonly name: string;
  /** Its action, if it is literal. */
  readonly detail: string;
}

/** Resources in the order of the script; those of a define are indented. */
export function outlineScript(statements: readonly Statement[]): OutlineEntry[] {
  const own = [...everyItem(statements)].flatMap((item) => entriesOf(item, ''));
  const inner = statements.flatMap((statement) => {
    if (statement.kind !== 'define' && statement.kind !== 'class') return [];
    const { kind, name, body } = statement;
    return [{ name: `${kind} ${name}`, detail: '' }, ...[...everyItem(body)].flatMap((item) => entriesOf(item, '  '))];
  });
  return [...own, ...inner];
}

function entriesOf(item: Item, indent: string): OutlineEntry[] {
  if (item.kind !== 'resource') return [];
  return item.bodies.map(({ title, attributes }) => {
    const named = (attribute: string) => attributes.find(({ name }) => name === attribute)?.value;
    const [agent, action] = [named('agent'), named('action')];
    const called = agent === undefined || action === undefined ? '' : `calls ${shown(agent)}#${shown(action)}`;
    return { name: `${indent}${item.type} ${shown(title)}`, detail: called };
  });
}

/** An expression as a person would write it, cut to one line. */
function shown(expression: Expression): string {
  switch (expression.kind) {
    case 'word':
      return expression.name;
    case 'value':
      return toText(expression.value);
    case 'variable':
      return `$${expression.name}`;
    case 'text':
      return expression.parts.map((part) => (typeof part === 'string' ? part : shown(part))).join('');
    default:
      return '…';
  }
}

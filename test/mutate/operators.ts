import type { Node } from '@babel/types';

/** A change of a part of a file: the text between two offsets becomes another. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const boundaries: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '*': '/',
  '/': '*',
};
const opposites: Readonly<Record<string, string>> = { some: 'every', every: 'some', min: 'max', max: 'min' };
/** Calls on a list that leave its kind as it is: without them, everything else still runs. */
const passing = new Set(['filter', 'sort', 'toSorted', 'slice', 'reverse', 'toReversed', 'trim', 'toLowerCase']);

type Of<Type extends Node['type']> = Extract<Node, { type: Type }>;

/** The possible mistakes in one node of the tree: each change by itself. `text` gives the source of a node. */
export function changesOf(node: Node, text: (part: Node) => string): Change[] {
  const instead = (part: Node, other: string): Change => ({ start: part.start ?? 0, end: part.end ?? 0, text: other });
  switch (node.type) {
    case 'LogicalExpression':
      return [instead(node, text(node.left)), instead(node, text(node.right))];
    case 'BinaryExpression':
      return changesOfBinary(node, text, instead);
    case 'UnaryExpression':
      return node.operator === '!' ? [instead(node, text(node.argument))] : [];
    case 'ConditionalExpression':
      return [instead(node, `(${text(node.consequent)})`), instead(node, `(${text(node.alternate)})`)];
    case 'IfStatement':
      return [instead(node.test, 'true'), instead(node.test, 'false')];
    case 'WhileStatement':
      return [instead(node.test, 'false')];
    case 'NumericLiteral':
      return [instead(node, `${node.value + 1}`)];
    case 'BooleanLiteral':
      return [instead(node, String(!node.value))];
    case 'ExpressionStatement':
      return changesOfStatement(node, text, instead);
    case 'ReturnStatement':
      return isNothing(node.argument) ? [] : [instead(node.argument as Node, '(undefined as never)')];
    case 'CatchClause':
      return node.body.body.length === 0 ? [] : [instead(node.body, '{}')];
    case 'FunctionDeclaration':
      return node.body.body.length < 2 ? [] : [instead(node.body, '{}')];
    case 'CallExpression':
      return changesOfCall(node, text, instead);
    default:
      return [];
  }
}

/** A value that counts as false, or is omitted, is equal to undefined. */
function isNothing(value: Node | null | undefined): boolean {
  if (value === null || value === undefined || value.type === 'NullLiteral') return true;
  if (value.type === 'BooleanLiteral') return !value.value;
  return value.type === 'Identifier' && value.name === 'undefined';
}

type Instead = (part: Node, other: string) => Change;

function changesOfBinary(node: Of<'BinaryExpression'>, text: (part: Node) => string, instead: Instead): Change[] {
  const { left, right, operator } = node;
  const sums = ['+', '-'].includes(operator) && ![left, right].some(({ type }) => /String|Template/.test(type));
  const other = sums ? (operator === '+' ? '-' : '+') : boundaries[operator];
  if (other === undefined) return [];
  // Between the two there may be parentheses, which are not part of either.
  const [from, to] = [(left.end ?? 0) - (node.start ?? 0), (right.start ?? 0) - (node.start ?? 0)];
  const whole = text(node);
  return [instead(node, whole.slice(0, from) + whole.slice(from, to).replace(operator, other) + whole.slice(to))];
}

/** A call whose result nobody uses: it is not made, or not waited for. */
function changesOfStatement(node: Of<'ExpressionStatement'>, text: (part: Node) => string, instead: Instead): Change[] {
  const { expression } = node;
  if (expression.type === 'AwaitExpression') {
    return [instead(node, ';'), instead(node, `void ${text(expression.argument)};`)];
  }
  return ['CallExpression', 'AssignmentExpression', 'UpdateExpression'].includes(expression.type)
    ? [instead(node, ';')]
    : [];
}

function changesOfCall(node: Of<'CallExpression'>, text: (part: Node) => string, instead: Instead): Change[] {
  const { callee } = node;
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return [];
  const { name } = callee.property;
  const opposite = opposites[name];
  if (opposite !== undefined) return [instead(callee.property, opposite)];
  return passing.has(name) ? [instead(node, text(callee.object as Node))] : [];
}

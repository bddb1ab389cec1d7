import type { Expression } from '../parser/ast.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { compute } from '../values/arithmetic.ts';
import { equal, order } from '../values/compare.ts';
import { isIn, matches } from './match.ts';
import { type Evaluation, positionIn, type Scope } from './state.ts';
import { isTrue, kindOf, type Value } from '../values/values.ts';
import { weigh } from '../values/weight.ts';

type Binary = Extract<Expression, { kind: 'binary' }>;

/** `and` and `or` evaluate their right side only if it matters. */
export function evaluateBinary(evaluation: Evaluation, expression: Binary, scope: Scope): Value {
  const { operator } = expression;
  const left = evaluation.evaluate(expression.left, scope);
  if (operator === 'and') return isTrue(left) && isTrue(evaluation.evaluate(expression.right, scope));
  if (operator === 'or') return isTrue(left) || isTrue(evaluation.evaluate(expression.right, scope));
  const right = evaluation.evaluate(expression.right, scope);
  const position = positionIn(scope, expression.at);
  evaluation.spend(weigh(left).size + weigh(right).size, position);
  const comparison = { evaluation, scope, position };
  switch (operator) {
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case '=~':
      return matches(comparison, left, right);
    case '!~':
      return !matches(comparison, left, right);
    case 'in':
      return isIn(comparison, left, right);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(operator, left, right, position);
    default:
      return add(operator, left, right, position);
  }
}

function compare(operator: '<' | '<=' | '>' | '>=', left: Value, right: Value, position: SourcePosition): boolean {
  const which = order(left, right);
  if (which === undefined) {
    return failAt(position, `“${operator}” can’t put ${kindOf(left)} and ${kindOf(right)} in order`);
  }
  switch (operator) {
    case '<':
      return which < 0;
    case '<=':
      return which <= 0;
    case '>':
      return which > 0;
    case '>=':
      return which >= 0;
  }
}

function add(operator: '+' | '-' | '*' | '/' | '%', left: Value, right: Value, position: SourcePosition): Value {
  const computed = compute(operator, left, right);
  return 'fault' in computed ? failAt(position, computed.fault) : computed.value;
}

/** Evaluates expressions. */
import { callFunction } from '../functions/call-function.ts';
import type { Expression } from '../parser/ast.ts';
import { limits } from '../limits.ts';
import { failAt } from '../source.ts';
import { readAccess } from './access.ts';
import { evaluateBinary } from './binary.ts';
import { fits } from './match.ts';
import { lookUp } from './scope.ts';
import { type Evaluation, positionIn, type Scope } from './state.ts';
import { isHash, isList, isTrue, kindOf, toText, type Value } from '../values/values.ts';
import { compute } from '../values/arithmetic.ts';
import { weigh } from '../values/weight.ts';

/** @throws Problem `bad-script`; Waiting if the fleet must be asked first */
export function evaluate(evaluation: Evaluation, expression: Expression, scope: Scope): Value {
  const value = evaluateKind(evaluation, expression, scope);
  if (isList(value) || isHash(value)) {
    const { size, depth } = weigh(value);
    if (size > limits.size) failAt(positionIn(scope, expression.at), `a list grows beyond ${limits.size} members`);
    if (depth > limits.nesting)
      failAt(positionIn(scope, expression.at), `lists are nested deeper than ${limits.nesting}`);
  }
  return value;
}

function evaluateKind(evaluation: Evaluation, expression: Expression, scope: Scope): Value {
  const position = positionIn(scope, expression.at);
  const evaluateOne = (one: Expression) => evaluate(evaluation, one, scope);
  evaluation.spend(1, position);
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'word':
      return expression.name;
    case 'text':
      return evaluateText(evaluation, expression, scope);
    case 'variable':
      return lookUp(evaluation, scope, expression.name, position);
    case 'regex':
      return { pattern: expression.source };
    case 'list':
      return expression.items.map(evaluateOne);
    case 'hash':
      return evaluateHash(evaluation, expression, scope);
    case 'reference':
      return { reference: expression.name.replace(/^::/, '').toLowerCase() };
    case 'access':
      return readAccess(evaluation, evaluateOne(expression.of), expression.keys.map(evaluateOne), position);
    case 'not':
      return !isTrue(evaluateOne(expression.of));
    case 'minus':
      return negate(evaluateOne(expression.of), position);
    case 'binary':
      return evaluateBinary(evaluation, expression, scope);
    case 'selector':
      return evaluateSelector(evaluation, expression, scope);
    case 'call':
      return callFunction(evaluation, expression, expression.args.map(evaluateOne), scope);
    case 'default':
      return failAt(position, '“default” stands only for an option', 'quote it where it is text');
  }
}

type Of<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

function evaluateText(evaluation: Evaluation, { at, parts }: Of<'text'>, scope: Scope): string {
  const position = positionIn(scope, at);
  let text = '';
  for (const part of parts) {
    const value = typeof part === 'string' ? part : evaluate(evaluation, part, scope);
    evaluation.spend(weigh(value).size, position);
    text += toText(value);
    if (text.length > limits.size) failAt(position, `a text grows beyond ${limits.size} characters`);
  }
  return text;
}

function evaluateHash(evaluation: Evaluation, { entries }: Of<'hash'>, scope: Scope): Value {
  const hash = new Map<Value, Value>();
  for (const [key, value] of entries) {
    const name = evaluate(evaluation, key, scope);
    if (isList(name) || isHash(name)) failAt(positionIn(scope, key.at), `${kindOf(name)} can’t be a key`);
    hash.set(name, evaluate(evaluation, value, scope));
  }
  return hash;
}

function negate(value: Value, position: Parameters<typeof failAt>[0]): Value {
  const computed = compute('-', 0n, value);
  return 'fault' in computed ? failAt(position, computed.fault) : computed.value;
}

function evaluateSelector(evaluation: Evaluation, { at, of, options }: Of<'selector'>, scope: Scope): Value {
  const value = evaluate(evaluation, of, scope);
  const before = scope.captures;
  const fitting =
    options.find(
      ({ key }) =>
        key.kind !== 'default' &&
        fits({ evaluation, scope, position: positionIn(scope, key.at) }, value, evaluate(evaluation, key, scope)),
    ) ?? options.find(({ key }) => key.kind === 'default');
  if (fitting === undefined) {
    const shown = toText(value).slice(0, 60);
    return failAt(positionIn(scope, at), `no option of the selector fits “${shown}”`, 'add default => …');
  }
  const chosen = evaluate(evaluation, fitting.value, scope);
  scope.captures = before;
  return chosen;
}

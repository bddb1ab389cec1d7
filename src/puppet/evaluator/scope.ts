import { suggest } from '../../core/text.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { Waiting } from './query.ts';
import type { Evaluation, Scope } from './state.ts';
import type { Value } from '../values/values.ts';

export function newScope(parts: Pick<Scope, 'source'> & Partial<Scope>): Scope {
  return {
    variables: new Map(),
    waiting: new Set(),
    parent: undefined,
    caller: undefined,
    container: undefined,
    defaults: new Map(),
    prefix: '',
    declaredAt: undefined,
    captures: [],
    ...parts,
  };
}

/** @throws Problem `bad-script` for a second assignment */
export function assign(scope: Scope, name: string, value: Value, position: SourcePosition): void {
  if (scope.variables.has(name)) {
    failAt(position, `“$${name}” has a value already`, 'a variable is assigned once: give the new value another name');
  }
  scope.variables.set(name, value);
}

/** The value of a variable; undef if it has none. @throws Waiting, Problem `bad-script` */
export function lookUp(evaluation: Evaluation, scope: Scope, name: string, position: SourcePosition): Value {
  if (/^\d+$/.test(name)) return scope.captures[Number(name)];
  const parts = name.replace(/^::/, '').split('::');
  const last = parts.pop() ?? '';
  if (parts.length > 0) return lookUpInClass(evaluation, parts.join('::'), last, position);
  const from = name.startsWith('::') ? evaluation.top : scope;
  return findIn(from, last, evaluation);
}

function findIn(from: Scope, name: string, { inputs, facts }: Evaluation): Value {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    if (scope.waiting.has(name)) throw new Waiting();
    if (scope.variables.has(name)) return scope.variables.get(name);
  }
  return inputs.get(name) ?? facts.get(name);
}

function lookUpInClass(evaluation: Evaluation, className: string, name: string, position: SourcePosition): Value {
  const scope = evaluation.classScopes.get(className);
  if (scope === undefined) {
    const known = [...evaluation.classScopes.keys()];
    failAt(
      position,
      `the class ${className} was not evaluated, so its “$${name}” has no value`,
      suggest(className, known),
    );
  }
  return scope === undefined ? undefined : findIn(scope, name, evaluation);
}

/** Whether the variable has a value. */
export function isSet({ inputs, facts }: Evaluation, from: Scope, name: string): boolean {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    if (scope.variables.has(name) || scope.waiting.has(name)) return true;
  }
  return inputs.has(name) || facts.has(name);
}

/** Evaluates the parts between arrows, and relates them. */
import type { Endpoint, Resource } from '../catalogue/resource.ts';
import type { Item, Statement } from '../parser/ast.ts';
import { collect } from '../declarations/collect.ts';
import { declareResources, settingFor } from '../declarations/declare.ts';
import { endpointOf } from '../declarations/endpoints.ts';
import { evaluateAssignment } from './assignment.ts';
import { overrideResources } from '../declarations/override.ts';
import { type Evaluation, positionIn, type Scope } from './state.ts';

type Chain = Extract<Statement, { kind: 'chain' }>;

/** @throws Problem `bad-script` */
export function evaluateChain(evaluation: Evaluation, { at, items, arrows }: Chain, scope: Scope): void {
  const ends = items.map((item) => evaluateItem(evaluation, item, scope, items.length > 1));
  for (const [index, arrow] of arrows.entries()) {
    const [left, right] = [ends[index], ends[index + 1]];
    if (left === undefined || right === undefined) continue;
    const backwards = arrow.startsWith('<');
    const [from, to] = backwards ? [right, left] : [left, right];
    const position = scope.declaredAt ?? positionIn(scope, items[index + 1]?.at ?? at);
    evaluation.catalogue.relations.push({ from, to, refreshes: arrow.includes('~'), position });
  }
}

function evaluateItem(evaluation: Evaluation, item: Item, scope: Scope, chained: boolean): Endpoint | undefined {
  switch (item.kind) {
    case 'resource':
      return always(declareResources(evaluation, item, scope));
    case 'collector':
      return collect(evaluation, item, scope);
    case 'override':
      return overrideResources(evaluation, item, scope);
    case 'defaults':
      setDefaults(evaluation, item, scope);
      return undefined;
    case 'assign':
      evaluateAssignment(evaluation, item, scope);
      return undefined;
    case 'expression': {
      const value = evaluation.evaluate(item.expression, scope);
      return chained ? endpointOf(evaluation, value, positionIn(scope, item.at)) : undefined;
    }
  }
}

function always(resources: readonly Resource[]): Endpoint {
  return () => resources;
}

/** `Type { … }`: applies to everything that is declared in this scope, and in those that it declares. */
function setDefaults(evaluation: Evaluation, item: Extract<Item, { kind: 'defaults' }>, scope: Scope): void {
  const defaults = scope.defaults.get(item.type) ?? new Map();
  for (const attribute of item.attributes) defaults.set(attribute.name, settingFor(evaluation, attribute, scope));
  scope.defaults.set(item.type, defaults);
}

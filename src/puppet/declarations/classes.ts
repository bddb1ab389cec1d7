/** Evaluates classes, each once. */
import { suggest } from '../../core/text.ts';
import { keyOf, type Resource, type Setting } from '../catalogue/resource.ts';
import { limits } from '../limits.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { refuseUnknown } from './attributes.ts';
import { bindParameters } from './bind.ts';
import { newScope } from '../evaluator/scope.ts';
import type { Evaluation, KnownDefinition, Scope } from '../evaluator/state.ts';

/** What was evaluated already stays what it is. @returns the class @throws Problem `bad-script` */
export function includeClass(evaluation: Evaluation, given: string, scope: Scope, place: SourcePosition): Resource {
  const name = given.replace(/^::/, '').toLowerCase();
  const known = evaluation.catalogue.resources.get(keyOf('class', name));
  return known ?? evaluateClass(evaluation, name, new Map(), scope, place);
}

/** @throws Problem `bad-script` */
export function evaluateClass(
  evaluation: Evaluation,
  name: string,
  attributes: Map<string, Setting>,
  scope: Scope,
  place: SourcePosition,
): Resource {
  const known = findClass(evaluation, name, place);
  refuseUnknown(name, known, attributes, place);
  const parent = parentOf(evaluation, known, scope, place);
  const resource: Resource = {
    type: 'class',
    title: name,
    place,
    container: undefined,
    kind: 'class',
    attributes,
    defaults: () => [],
    virtual: false,
  };
  evaluation.spend(5, place);
  evaluation.catalogue.resources.set(keyOf('class', name), resource);
  const own = newScope({
    source: known.source,
    parent: parent ?? evaluation.top,
    caller: scope,
    container: resource,
    prefix: `${name}::`,
  });
  if (depthOf(own) > limits.nesting) failAt(place, `classes include each other more than ${limits.nesting} deep`);
  evaluation.scopes.set(resource, scope);
  evaluation.classScopes.set(name, own);
  bindParameters(evaluation, resource, known, own);
  evaluation.run(known.definition.body, own);
  return resource;
}

function findClass({ definitions }: Evaluation, name: string, place: SourcePosition): KnownDefinition {
  const found = definitions.get(name);
  if (found?.definition.kind === 'class') return found;
  const classes = [...definitions].filter(([, { definition }]) => definition.kind === 'class').map(([known]) => known);
  const hint = found === undefined ? suggest(name, classes) : `${name} is a define: write ${name} { "title": … }`;
  return failAt(place, `there is no class “${name}”`, hint);
}

function parentOf(
  evaluation: Evaluation,
  { definition }: KnownDefinition,
  scope: Scope,
  place: SourcePosition,
): Scope | undefined {
  if (definition.inherits === undefined) return undefined;
  const name = definition.inherits.replace(/^::/, '').toLowerCase();
  if (name === definition.name) failAt(place, `the class ${name} inherits from itself`);
  includeClass(evaluation, name, scope, place);
  return evaluation.classScopes.get(name);
}

function depthOf(scope: Scope): number {
  let depth = 0;
  for (let one: Scope | undefined = scope; one !== undefined; one = one.caller) depth++;
  return depth;
}

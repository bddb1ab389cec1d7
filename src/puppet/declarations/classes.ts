/** Evaluates classes, each once. */
import { suggest } from '../../core/text.ts';
import { keyOf, type Resource, type Setting } from '../catalogue/resource.ts';
import { limits } from '../limits.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { refuseUnknown } from './attributes.ts';
import { bindParameters } from './bind.ts';
import { newScope } from '../evaluator/scope.ts';
import type { Evaluation, KnownDefinition, Scope } from '../evaluator/state.ts';

/** An evaluated class stays unchanged. @returns the class @throws Problem `bad-script` */
export function includeClass(
  evaluation: Evaluation,
  written: string,
  scope: Scope,
  position: SourcePosition,
): Resource {
  const name = written.replace(/^::/, '').toLowerCase();
  const known = evaluation.catalogue.resources.get(keyOf('class', name));
  return known ?? evaluateClass(evaluation, name, new Map(), scope, position);
}

/** @throws Problem `bad-script` */
export function evaluateClass(
  evaluation: Evaluation,
  name: string,
  attributes: Map<string, Setting>,
  scope: Scope,
  position: SourcePosition,
): Resource {
  const known = findClass(evaluation, name, position);
  refuseUnknown(name, known, attributes, position);
  const parent = parentOf(evaluation, known, scope, position);
  const resource: Resource = {
    type: 'class',
    title: name,
    position,
    container: undefined,
    kind: 'class',
    attributes,
    defaults: () => [],
    virtual: false,
  };
  evaluation.spend(5, position);
  evaluation.catalogue.resources.set(keyOf('class', name), resource);
  const own = newScope({
    source: known.source,
    parent: parent ?? evaluation.top,
    caller: scope,
    container: resource,
    prefix: `${name}::`,
  });
  if (depthOf(own) > limits.nesting) failAt(position, `classes include each other more than ${limits.nesting} deep`);
  evaluation.scopes.set(resource, scope);
  evaluation.classScopes.set(name, own);
  bindParameters(evaluation, resource, known, own);
  evaluation.run(known.definition.body, own);
  return resource;
}

function findClass({ definitions }: Evaluation, name: string, position: SourcePosition): KnownDefinition {
  const found = definitions.get(name);
  if (found?.definition.kind === 'class') return found;
  const classes = [...definitions].filter(([, { definition }]) => definition.kind === 'class').map(([known]) => known);
  const hint = found === undefined ? suggest(name, classes) : `${name} is a define: write ${name} { "title": … }`;
  return failAt(position, `there is no class “${name}”`, hint);
}

function parentOf(
  evaluation: Evaluation,
  { definition }: KnownDefinition,
  scope: Scope,
  position: SourcePosition,
): Scope | undefined {
  if (definition.inherits === undefined) return undefined;
  const name = definition.inherits.replace(/^::/, '').toLowerCase();
  if (name === definition.name) failAt(position, `the class ${name} inherits from itself`);
  includeClass(evaluation, name, scope, position);
  return evaluation.classScopes.get(name);
}

function depthOf(scope: Scope): number {
  let depth = 0;
  for (let one: Scope | undefined = scope; one !== undefined; one = one.caller) depth++;
  return depth;
}

/** Functions that read declarations, or declare something. */
import { keyOf, type Resource } from '../catalogue/resource.ts';
import { includeClass } from '../declarations/classes.ts';
import { endpointOf } from '../declarations/endpoints.ts';
import { flatten, isReference, kindOf, type Value } from '../values/values.ts';
import { plainTypes } from '../types/plain-types.ts';
import { isDataType } from '../types/data-type.ts';
import { defineFunction, type FunctionCall, type ScriptFunction } from './kind.ts';

export const declarationFunctions: Readonly<Record<string, ScriptFunction>> = {
  contain: defineFunction([1, 50], (args, call) => {
    for (const resource of include(args, call)) {
      // A class has no container of its own: its surroundings wait for it, and their predecessors come before it.
      const { container } = call.scope;
      if (container !== undefined) call.evaluation.catalogue.containments.push({ container, contained: resource });
    }
    return undefined;
  }),
  defined: defineFunction([1, 50], (args, call) => flatten(args).some((one) => isDefined(one, call))),
  include: defineFunction([1, 50], (args, call) => {
    include(args, call);
    return undefined;
  }),
  realize: defineFunction([1, 50], (args, { evaluation, position }) => {
    const found = endpointOf(evaluation, args, position);
    evaluation.later.collectors.push({
      collect: () => {
        for (const resource of found()) resource.virtual = false;
      },
    });
    return undefined;
  }),
  require: defineFunction([1, 50], (args, call) => {
    const resources = include(args, call);
    const { evaluation, scope, position } = call;
    const { container } = scope;
    if (container === undefined) return undefined;
    evaluation.catalogue.relations.push({ from: () => resources, to: () => [container], refreshes: false, position });
    return undefined;
  }),
  tag: defineFunction([1, 50], () => undefined),
};

function include(args: readonly Value[], { evaluation, scope, position, fail }: FunctionCall): Resource[] {
  return flatten(args).map((one) => {
    const name = isReference(one) && one.reference === 'class' ? one.title : one;
    if (typeof name !== 'string' || name === '') return fail(`it takes the name of a class, not ${kindOf(one)}`);
    return includeClass(evaluation, name, scope, position);
  });
}

/** A name: of a type or class. A reference: of a declaration. */
function isDefined(one: Value, { evaluation }: FunctionCall): boolean {
  if (isReference(one)) {
    if (one.title === undefined) return isType(one.reference, evaluation);
    return evaluation.catalogue.resources.has(keyOf(one.reference, one.title));
  }
  return typeof one === 'string' && isType(one.replace(/^::/, '').toLowerCase(), evaluation);
}

function isType(name: string, { definitions }: FunctionCall['evaluation']): boolean {
  return definitions.has(name) || Object.hasOwn(plainTypes, name) || isDataType(name);
}

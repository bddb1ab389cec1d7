/** Assigns the values of a define's or class's parameters. */
import { nameOf, type Resource, settingOf } from '../catalogue/resource.ts';
import { failAt } from '../source.ts';
import { isInstance } from '../types/data-type.ts';
import { refuseMissing } from './attributes.ts';
import { assign } from '../evaluator/scope.ts';
import { type Evaluation, type KnownDefinition, positionIn, type Scope } from '../evaluator/state.ts';
import { formatReference, isReference, kindOf } from '../values/values.ts';

/** @param scope the one of the body, new @throws Problem `bad-script` */
export function bindParameters(evaluation: Evaluation, resource: Resource, known: KnownDefinition, scope: Scope): void {
  const { definition } = known;
  const own = { source: known.source, at: definition.at };
  for (const name of ['title', 'name']) {
    if (!definition.parameters.some((parameter) => parameter.name === name)) assign(scope, name, resource.title, own);
  }
  const missing: string[] = [];
  for (const { at, name, type, fallback } of definition.parameters) {
    const setting = settingOf(resource, name);
    const optional = type?.kind === 'access' && type.of.kind === 'reference' && type.of.name === 'Optional';
    if (setting === undefined && fallback === undefined && !optional) missing.push(name);
    const value = setting === undefined ? fallback && evaluation.evaluate(fallback, scope) : setting.value;
    assign(scope, name, value, positionIn(scope, at));
    const dataType = type === undefined || missing.includes(name) ? undefined : evaluation.evaluate(type, scope);
    if (isReference(dataType) && !isInstance(value, dataType, positionIn(scope, at))) {
      const position = setting?.position ?? resource.position;
      failAt(position, `the parameter “${name}” must be ${formatReference(dataType)}, and this is ${kindOf(value)}`);
    }
  }
  refuseMissing(nameOf(resource), missing, known, resource.position);
}

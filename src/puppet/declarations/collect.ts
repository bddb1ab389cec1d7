/** Collectors: they realize the resources that they find, and may add attributes. */
import { type Endpoint, type Resource, settingOf } from '../catalogue/resource.ts';
import type { Collector, Query } from '../parser/ast.ts';
import { equal } from '../values/compare.ts';
import { evaluateSettings, setAttributes } from './override.ts';
import { type Evaluation, positionIn, type Scope } from '../evaluator/state.ts';
import { isList, type Value } from '../values/values.ts';

type Test = (resource: Resource) => boolean;

/** It continues to look while defines are evaluated. @throws Problem `bad-script` */
export function collect(evaluation: Evaluation, { at, type, query, attributes }: Collector, scope: Scope): Endpoint {
  const test = query === undefined ? () => true : compileQuery(evaluation, query, scope);
  const settings = evaluateSettings(evaluation, attributes, scope);
  const found = new Set<Resource>();
  evaluation.later.collectors.push({
    collect: () => {
      for (const resource of evaluation.catalogue.resources.values()) {
        evaluation.spend(1, positionIn(scope, at));
        if (resource.type !== type || found.has(resource) || !test(resource)) continue;
        found.add(resource);
        resource.virtual = false;
        if (settings.length > 0) setAttributes(evaluation, resource, settings, true);
      }
    },
  });
  return () => [...found];
}

function compileQuery(evaluation: Evaluation, query: Query, scope: Scope): Test {
  if (query.kind !== 'test') {
    const left = compileQuery(evaluation, query.left, scope);
    const right = compileQuery(evaluation, query.right, scope);
    return query.kind === 'and'
      ? (resource) => left(resource) && right(resource)
      : (resource) => left(resource) || right(resource);
  }
  const expected = evaluation.evaluate(query.value, scope);
  return (resource) => has(resource, query.attribute, expected) === query.equal;
}

function has(resource: Resource, attribute: string, expected: Value): boolean {
  const value = attribute === 'title' ? resource.title : settingOf(resource, attribute)?.value;
  if (attribute === 'name' && value === undefined) return equal(resource.title, expected);
  if (attribute === 'tag') return tagsOf(resource, value).some((tag) => equal(tag, expected));
  return isList(value) ? value.some((one) => equal(one, expected)) : equal(value, expected);
}

/** The given tags, the type, and the names of its containers. */
function tagsOf({ type, title, container }: Resource, value: Value): Value[] {
  const around = container === undefined ? [] : tagsOf(container, settingOf(container, 'tag')?.value);
  return [...(isList(value) ? value : [value]), type, title, ...around];
}

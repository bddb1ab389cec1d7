/** Attributes that are set after a resource was declared. */
import { type Endpoint, keyOf, nameOf, type Resource, type Setting } from '../catalogue/resource.ts';
import type { Attribute, Item } from '../parser/ast.ts';
import { failAt, lineOf, type SourcePosition } from '../source.ts';
import { refuseUnknown } from './attributes.ts';
import { settingFor } from './declare.ts';
import { endpointOf } from './endpoints.ts';
import { type Evaluation, positionIn, type Scope } from '../evaluator/state.ts';
import { flatten, isList, isReference } from '../values/values.ts';

/** `Type[title] { … }`. Set attributes stay, except for a class that inherits. @throws Problem `bad-script` */
export function overrideResources(
  evaluation: Evaluation,
  { at, of, attributes }: Extract<Item, { kind: 'override' }>,
  scope: Scope,
): Endpoint {
  const position = positionIn(scope, at);
  const value = evaluation.evaluate(of, scope);
  const endpoint = endpointOf(evaluation, value, position);
  const settings = evaluateSettings(evaluation, attributes, scope);
  for (const reference of flatten(isList(value) ? value : [value])) {
    if (!isReference(reference) || reference.title === undefined) continue;
    const { reference: type, title } = reference;
    evaluation.later.overrides.push({
      key: keyOf(type, title),
      shown: nameOf({ type, title }),
      position,
      apply: (resource) => setAttributes(evaluation, resource, settings, mayReplace(evaluation, resource, scope)),
    });
  }
  return endpoint;
}

export interface NewSetting extends Setting {
  readonly name: string;
  readonly adds: boolean;
}

export function evaluateSettings(evaluation: Evaluation, attributes: readonly Attribute[], scope: Scope): NewSetting[] {
  return attributes.map((attribute) => {
    const { name, adds } = attribute;
    return { name, adds, ...settingFor(evaluation, attribute, scope) };
  });
}

/** @throws Problem `bad-script` when an attribute has a value that may not be replaced */
export function setAttributes(
  evaluation: Evaluation,
  resource: Resource,
  settings: readonly NewSetting[],
  replaces: boolean,
): void {
  const definition = resource.kind === 'define' ? evaluation.definitions.get(resource.type) : undefined;
  const byName = new Map<string, Setting>(settings.map((one) => [one.name, one]));
  const [first] = settings;
  if (first !== undefined) refuseUnknown(resource.type, definition, byName, first.position);
  for (const { name, adds, value, position } of settings) {
    const before = resource.attributes.get(name);
    if (before !== undefined && !adds && !replaces) refuseSecond(resource, name, before, position);
    resource.attributes.set(name, { value: adds && before !== undefined ? joined(before, value) : value, position });
  }
  if (resource.kind === 'define' && !evaluation.undone.has(resource)) {
    const position = settings[0]?.position ?? resource.position;
    failAt(position, `${nameOf(resource)} was evaluated before it could be changed`, 'change what it declares instead');
  }
}

function joined(before: Setting, value: Setting['value']): Setting['value'] {
  const list = (one: Setting['value']) => (isList(one) ? one : [one]);
  return [...list(before.value), ...list(value)];
}

function refuseSecond(resource: Resource, name: string, before: Setting, position: SourcePosition): never {
  const hint = `it is set in line ${lineOf(before.position)}; a collector may replace it: ${nameOf(resource).replace(/\[.*/s, '')} <| title == "…" |> { … }`;
  return failAt(position, `the attribute “${name}” of ${nameOf(resource)} has a value already`, hint);
}

/** A class that inherits may replace its parent's values. */
function mayReplace({ classScopes }: Evaluation, { container }: Resource, scope: Scope): boolean {
  if (container?.kind !== 'class') return false;
  const declaring = classScopes.get(container.title);
  for (let one = scope.parent; one !== undefined; one = one.parent) if (one === declaring) return true;
  return false;
}

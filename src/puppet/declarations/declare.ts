/** Declares resources. */
import { keyOf, nameOf, type Resource, type Setting } from '../catalogue/resource.ts';
import { limits } from '../limits.ts';
import type { Attribute, ResourceBody, ResourceStatement } from '../parser/ast.ts';
import { failAt, lineOf, type SourcePosition, where } from '../source.ts';
import { checkAttributes } from './attributes.ts';
import { evaluateClass } from './classes.ts';
import { findType } from './find-type.ts';
import { isSet } from '../evaluator/scope.ts';
import { type Evaluation, positionIn, type Scope } from '../evaluator/state.ts';
import { flatten, isList, kindOf, type Value } from '../values/values.ts';
import { weigh } from '../values/weight.ts';

/** @returns the declarations of the statement, in order @throws Problem `bad-script` */
export function declareResources(evaluation: Evaluation, statement: ResourceStatement, scope: Scope): Resource[] {
  const { type, virtual, bodies } = statement;
  const position = scope.declaredAt ?? positionIn(scope, statement.at);
  const definition = findType(evaluation.definitions, type, position);
  return bodies.flatMap((body) => {
    const titles = titlesOf(evaluation.evaluate(body.title, scope), positionIn(scope, body.at));
    const attributes = evaluateAttributes(evaluation, body, scope);
    checkAttributes(type, definition, attributes, scope.declaredAt ?? positionIn(scope, body.at));
    return titles.map((title) => {
      const at = scope.declaredAt ?? positionIn(scope, body.at);
      if (type === 'class') return declareClass(evaluation, title, attributes, scope, at);
      const kind = definition === undefined ? 'plain' : 'define';
      return add(evaluation, { type, title, kind, virtual, attributes: new Map(attributes), position: at }, scope);
    });
  });
}

/** @throws Problem `bad-script` for an invalid title */
function titlesOf(value: Value, position: SourcePosition): string[] {
  const members = isList(value) ? flatten(value) : [value];
  const titles = members.map((member) => {
    if (typeof member === 'string' && member !== '') return member;
    if (typeof member === 'bigint') return String(member);
    const what = member === '' ? 'an empty string' : kindOf(member);
    return failAt(position, `a title is a string, not ${what}`);
  });
  return titles;
}

function evaluateAttributes(evaluation: Evaluation, { attributes }: ResourceBody, scope: Scope): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const attribute of attributes) {
    const position = positionIn(scope, attribute.at);
    if (attribute.adds) failAt(position, '“+>” adds to what is set already', 'write “=>” where a resource is declared');
    if (settings.has(attribute.name)) failAt(position, `the attribute “${attribute.name}” is set twice`);
    settings.set(attribute.name, settingFor(evaluation, attribute, scope));
  }
  return settings;
}

/** The position in a person's script; in a built-in define, that of its declaration. */
export function settingFor(evaluation: Evaluation, { at, name, value }: Attribute, scope: Scope): Setting {
  // An unset filter means every node: a variable that nobody set must not.
  if (name.endsWith('_filter') && value.kind === 'variable' && !isSet(evaluation, scope, value.name)) {
    failAt(
      positionIn(scope, at),
      `“$${value.name}” has no value, and “${name}” would address every node`,
      'leave the filter out where that is meant',
    );
  }
  const found = evaluation.evaluate(value, scope);
  evaluation.spend(weigh(found).size, positionIn(scope, at));
  return { value: found, position: scope.declaredAt ?? positionIn(scope, at) };
}

type NewResource = Pick<Resource, 'type' | 'title' | 'kind' | 'virtual' | 'attributes' | 'position'>;

/** @throws Problem `bad-script` for a second one of the same type and title */
function add(evaluation: Evaluation, parts: NewResource, scope: Scope): Resource {
  const { resources } = evaluation.catalogue;
  const { type, title, position } = parts;
  evaluation.spend(5, position);
  const resource: Resource = { ...parts, container: scope.container, defaults: () => defaultsFor(type, scope) };
  const other = resources.get(keyOf(type, title));
  if (other !== undefined) {
    const there =
      other.position.source === position.source ? `in line ${lineOf(other.position)}` : `at ${where(other.position)}`;
    failAt(
      position,
      `${nameOf(resource)} is declared twice`,
      `the other one is ${there}: give one of them another title`,
    );
  }
  if (resources.size >= limits.resources)
    failAt(position, `the script declares more than ${limits.resources} resources`);
  resources.set(keyOf(type, title), resource);
  evaluation.scopes.set(resource, scope);
  if (resource.kind === 'define') evaluation.undone.add(resource);
  return resource;
}

/** Those of the scope itself, then of the scopes that declared it. */
function defaultsFor(type: string, from: Scope): ReadonlyMap<string, Setting>[] {
  const found: ReadonlyMap<string, Setting>[] = [];
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.caller) {
    const here = scope.defaults.get(type);
    if (here !== undefined) found.push(here);
  }
  return found;
}

/** `class { name: }`: a class with parameters. */
function declareClass(
  evaluation: Evaluation,
  title: string,
  attributes: Map<string, Setting>,
  scope: Scope,
  position: SourcePosition,
): Resource {
  const name = title.replace(/^::/, '').toLowerCase();
  if (evaluation.catalogue.resources.has(keyOf('class', name))) {
    failAt(position, `the class ${name} was evaluated before`, 'declare it with its parameters first, then include it');
  }
  return evaluateClass(evaluation, name, attributes, scope, position);
}

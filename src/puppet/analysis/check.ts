/** Checks of a script that need no run: also of branches that no run may reach. */
import { actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { suggest } from '../../core/text.ts';
import { refuseUnknown } from '../declarations/attributes.ts';
import { collectDefinitions } from '../declarations/definitions.ts';
import type { KnownDefinition } from '../evaluator/state.ts';
import { findType } from '../declarations/find-type.ts';
import { requireFunction } from '../functions/call-function.ts';
import type { Attribute, Expression, ResourceBody, ResourceStatement, Statement } from '../parser/ast.ts';
import { failAt, type ScriptSource } from '../source.ts';
import { builtInDefines } from '../types/defines.ts';
import { everyExpression, everyItem } from './walk.ts';

/**
 * Types, functions, parameters, and agents and actions that are named literally. Code that no resource or `include`
 * uses is only parsed.
 * @param agents the known ones; an unknown agent is left to the run
 * @throws Problem `bad-script` with file, line and column
 */
export function checkScript(statements: readonly Statement[], source: ScriptSource, agents: readonly Ddl[]): void {
  const definitions = collectDefinitions(statements, source, builtInDefines());
  const seen = new Set<string>();
  const open: (readonly Statement[])[] = [statements];
  for (let body = open.pop(); body !== undefined; body = open.pop()) {
    checkBody(body, source, definitions, agents);
    for (const name of namesUsed(body)) {
      const known = definitions.get(name);
      if (known === undefined || known.builtIn || seen.has(name)) continue;
      seen.add(name);
      open.push([{ ...known.definition }, ...known.definition.body]);
    }
  }
}

type Definitions = ReadonlyMap<string, KnownDefinition>;

function checkBody(
  body: readonly Statement[],
  source: ScriptSource,
  definitions: Definitions,
  agents: readonly Ddl[],
): void {
  for (const expression of everyExpression(body.filter((one, index) => index === 0 || !('parameters' in one)))) {
    if (expression.kind === 'call')
      requireFunction(expression.name, expression.args.length, { source, at: expression.at });
  }
  for (const item of everyItem(body)) if (item.kind === 'resource') checkResource(item, source, definitions, agents);
}

function checkResource(
  item: ResourceStatement,
  source: ScriptSource,
  definitions: Definitions,
  agents: readonly Ddl[],
): void {
  const { type, bodies } = item;
  const definition = findType(definitions, type, { source, at: item.at });
  for (const body of bodies) {
    const attributes = body.attributes.map(
      ({ name, at }) => [name, { value: undefined, position: { source, at } }] as const,
    );
    if (type !== 'class') refuseUnknown(type, definition, new Map(attributes), { source, at: body.at });
    if (type === 'mcollective' && definition === undefined) checkAction(body, source, agents);
  }
}

function checkAction({ attributes }: ResourceBody, source: ScriptSource, agents: readonly Ddl[]): void {
  const literal = (name: string) => {
    const attribute = attributes.find((one) => one.name === name);
    return attribute === undefined ? undefined : { attribute, text: textOf(attribute) };
  };
  const [agent, action] = [literal('agent'), literal('action')];
  const ddl = agents.find(({ name, aliases }) => name === agent?.text || aliases?.includes(agent?.text ?? ''));
  if (ddl === undefined || action?.text === undefined || actionOf(ddl, action.text) !== undefined) return;
  const hint = suggest(action.text, Object.keys(ddl.actions));
  failAt({ source, at: action.attribute.value.at }, `${ddl.name} has no action “${action.text}”`, hint);
}

function textOf({ value }: Attribute): string | undefined {
  return literalOf(value);
}

function literalOf(expression: Expression): string | undefined {
  if (expression.kind === 'word') return expression.name;
  return expression.kind === 'value' && typeof expression.value === 'string' ? expression.value : undefined;
}

/** The defines and classes that are used in a body. */
function namesUsed(body: readonly Statement[]): string[] {
  const types = [...everyItem(body)].flatMap((item) => {
    if (item.kind !== 'resource') return [];
    const titles = item.bodies.flatMap(({ title }) => literalOf(title) ?? []);
    return item.type === 'class' ? titles : [item.type];
  });
  const classes = [...everyExpression(body)].flatMap((one) =>
    one.kind === 'call' && ['include', 'contain', 'require'].includes(one.name)
      ? one.args.flatMap((arg) => literalOf(arg) ?? [])
      : [],
  );
  const parents = body.flatMap((one) => ('inherits' in one && one.inherits !== undefined ? [one.inherits] : []));
  return [...types, ...classes, ...parents].map((name) => name.replace(/^::/, '').toLowerCase());
}

/** Every agent that the script names, known or not. */
export function agentsNamed(statements: readonly Statement[]): string[] {
  const bodies = [statements, ...[...collectBodies(statements)]];
  const named = bodies.flatMap((body) =>
    [...everyItem(body)].flatMap((item) =>
      item.kind === 'resource' && item.type === 'mcollective'
        ? item.bodies.flatMap(({ attributes }) =>
            attributes.filter(({ name }) => name === 'agent').flatMap((one) => textOf(one) ?? []),
          )
        : [],
    ),
  );
  return [...new Set(named)];
}

function* collectBodies(statements: readonly Statement[]): Generator<readonly Statement[]> {
  for (const statement of statements) {
    if (statement.kind !== 'define' && statement.kind !== 'class') continue;
    yield statement.body;
    yield* collectBodies(statement.body);
  }
}

/** Evaluates a script: from its text, its inputs and the fleet's answers to the nodes and steps that it declares. */
import { Problem } from '../../core/errors.ts';
import type { Catalogue, Resource } from '../catalogue/resource.ts';
import { limits } from '../limits.ts';
import { failAt, type SourcePosition, type ScriptSource } from '../source.ts';
import type { Statement } from '../parser/ast.ts';
import { builtInDefines } from '../types/defines.ts';
import { bindParameters } from '../declarations/bind.ts';
import { collectDefinitions } from '../declarations/definitions.ts';
import { evaluate } from './expressions.ts';
import { relateByParameters } from '../declarations/relate.ts';
import { chooseNode } from './node.ts';
import { type Answers, type FleetQuery, Waiting } from './query.ts';
import { newScope } from './scope.ts';
import type { Evaluation, Notice } from './state.ts';
import { runStatements } from './statements.ts';
import type { Value } from '../values/values.ts';

export interface ScriptText {
  readonly source: ScriptSource;
  readonly statements: readonly Statement[];
}

export interface EvaluationInputs {
  readonly inputs: ReadonlyMap<string, string>;
  /** Of the machine that runs the script. */
  readonly facts: ReadonlyMap<string, Value>;
  /** The names of agents by their aliases: nodes know them by their names. */
  readonly agentNames: ReadonlyMap<string, string>;
  readonly answers: Answers;
}

export type Evaluated =
  | { readonly state: 'waiting'; readonly queries: readonly FleetQuery[] }
  | {
      readonly state: 'done';
      readonly catalogue: Catalogue;
      readonly queries: readonly FleetQuery[];
      readonly notices: readonly Notice[];
    };

/**
 * Pure: when it needs an answer of the fleet, it stops and returns the question; with the answers it is evaluated
 * again.
 * @throws Problem `bad-script` with file, line and column; `script-failed` with the script’s own message
 */
export function evaluateScript(script: ScriptText, inputs: EvaluationInputs): Evaluated {
  const evaluation = begin(script, inputs);
  try {
    runStatements(evaluation, script.statements, evaluation.top);
    runStatements(evaluation, chooseNode(evaluation, script.statements), nodeScope(evaluation));
    finish(evaluation);
  } catch (error) {
    if (error instanceof RangeError)
      throw new Problem('bad-script', `${script.source.file}: the script is nested too deep`);
    if (!(error instanceof Waiting)) throw error;
  }
  const { catalogue, notices, queries } = evaluation;
  const open = [...queries.values()].filter(({ key }) => !inputs.answers.has(key));
  if (open.length > 0) return { state: 'waiting', queries: open };
  return { state: 'done', catalogue, notices, queries: [...queries.values()] };
}

function begin({ source, statements }: ScriptText, inputs: EvaluationInputs): Evaluation {
  let left: number = limits.steps;
  const spend = (amount: number, position: SourcePosition) => {
    left -= amount;
    if (left < 0) failAt(position, `the script takes more than ${limits.steps} steps to evaluate`);
  };
  const evaluation: Evaluation = {
    ...inputs,
    script: source,
    queries: new Map(),
    definitions: collectDefinitions(statements, source, builtInDefines()),
    catalogue: { resources: new Map(), relations: [], containments: [] },
    classScopes: new Map(),
    undone: new Set(),
    scopes: new Map(),
    later: { overrides: [], collectors: [] },
    notices: [],
    top: newScope({ source }),
    spend,
    evaluate: (expression, scope) => evaluate(evaluation, expression, scope),
    run: (body, scope) => runStatements(evaluation, body, scope),
  };
  return evaluation;
}

function nodeScope({ top, script }: Evaluation) {
  return newScope({ source: script, parent: top, caller: top });
}

/** Defines, generation by generation; before each, changes and realizations of what is declared so far. */
function finish(evaluation: Evaluation): void {
  const { later, undone } = evaluation;
  for (let generation = 0; ; generation++) {
    settle(evaluation);
    const ready = [...undone].filter(({ virtual }) => !virtual);
    const [first] = ready;
    if (first === undefined) break;
    if (generation >= limits.generations) {
      failAt(first.position, `defines declare each other more than ${limits.generations} deep`);
    }
    for (const resource of ready) {
      undone.delete(resource);
      evaluateDefine(evaluation, resource);
    }
  }
  relateByParameters(evaluation);
  const [lost] = later.overrides;
  if (lost !== undefined) failAt(lost.position, `${lost.shown} is declared nowhere, so it can’t be changed`);
}

function settle({ later, catalogue }: Evaluation): void {
  const { overrides } = later;
  for (const override of overrides.splice(0)) {
    const resource = catalogue.resources.get(override.key);
    if (resource === undefined) overrides.push(override);
    else override.apply(resource);
  }
  for (const { collect } of later.collectors) collect();
}

function evaluateDefine(evaluation: Evaluation, resource: Resource): void {
  const known = evaluation.definitions.get(resource.type);
  const caller = evaluation.scopes.get(resource);
  if (known === undefined || caller === undefined) return;
  const scope = newScope({
    source: known.source,
    parent: evaluation.top,
    caller,
    container: resource,
    declaredAt: known.builtIn ? resource.position : undefined,
  });
  bindParameters(evaluation, resource, known, scope);
  runStatements(evaluation, known.definition.body, scope);
}

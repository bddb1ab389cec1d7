/** A script, from its text to the playbook that runs it. */
import type { Ddl } from '../core/ddl/ddl.ts';
import { Problem } from '../core/errors.ts';
import type { NodeFacts } from '../core/node.ts';
import type { Playbook } from '../playbook/model.ts';
import type { InputSource } from '../playbook/source/schema.ts';
import { checkScript } from './analysis/check.ts';
import { findInputs } from './analysis/inputs.ts';
import { compileCatalogue } from './catalogue/compile.ts';
import { evaluateScript, type EvaluationInputs } from './evaluator/evaluate.ts';
import type { FleetQuery } from './evaluator/query.ts';
import type { Notice } from './evaluator/state.ts';
import type { Statement } from './parser/ast.ts';
import { parseScript } from './parser/parse.ts';
import type { ScriptSource } from './source.ts';
import { readText } from './types/settings.ts';
import { fromJson } from './values/json.ts';

export interface Script {
  /** Of its file, without directory and ending. */
  readonly name: string;
  readonly source: ScriptSource;
  readonly statements: readonly Statement[];
  readonly inputs: Readonly<Record<string, InputSource>>;
}

/** Parsed and checked as far as possible without running it. @throws Problem `bad-script` */
export function readScript(source: ScriptSource, agents: readonly Ddl[]): Script {
  const statements = parseScript(source);
  checkScript(statements, source, agents);
  const [, name = source.file] = /([^/:]+?)(?:\.mc)?$/.exec(source.file) ?? [];
  return { name, source, statements, inputs: findInputs(statements) };
}

export interface ScriptEnvironment {
  /** Of the machine that runs the script; `id` is its operator. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Agents that are known without asking a node. */
  readonly agents: readonly Ddl[];
  /** The nodes that match. */
  readonly ask: (query: FleetQuery) => Promise<readonly NodeFacts[]>;
  /** The nodes' descriptions of unknown agents; one that no node runs is omitted. */
  readonly learn: (names: readonly string[]) => Promise<readonly Ddl[]>;
}

export interface LoadedScript {
  readonly playbook: Playbook;
  readonly agents: readonly Ddl[];
  readonly notices: readonly Notice[];
}

/**
 * Evaluates a script; independent questions to the fleet are asked at the same time.
 * @param inputs by name; null if none is given
 * @throws Problem `bad-script`; `script-failed` with the script’s own message; `nothing-found` if it failed after it
 * had found no node
 */
export async function loadScript(
  script: Script,
  inputs: Readonly<Record<string, unknown>>,
  { facts, agents, ask, learn }: ScriptEnvironment,
): Promise<LoadedScript> {
  const answers = new Map<string, readonly NodeFacts[]>();
  const evaluationInputs: EvaluationInputs = {
    inputs: new Map(
      Object.entries(inputs).flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [[name, String(value)]],
      ),
    ),
    facts: new Map(Object.entries(facts).map(([name, value]) => [name, fromJson(value)])),
    agentNames: new Map(agents.flatMap(({ name, aliases = [] }) => aliases.map((alias) => [alias, name]))),
    answers,
  };
  for (;;) {
    const evaluated = evaluateOrExplain(script, evaluationInputs);
    if (evaluated.state === 'done') {
      const { resources } = evaluated.catalogue;
      const called = [...resources.values()].filter(({ type, virtual }) => type === 'mcollective' && !virtual);
      const named = new Set(called.map((resource) => readText(resource, 'agent') ?? ''));
      const unknown = [...named].filter(
        (agent) => !agents.some(({ name, aliases }) => name === agent || aliases?.includes(agent)),
      );
      const all = [...agents, ...(await learn(unknown.filter((agent) => agent !== '')))];
      const { name, source, inputs: declared } = script;
      const label = evaluationInputs.inputs.get('cluster') ?? name;
      const playbook = compileCatalogue(evaluated, { name, source, inputs: declared, label, answers, agents: all });
      return { playbook, agents: all, notices: evaluated.notices };
    }
    const { queries } = evaluated;
    const found = await Promise.all(queries.map(ask));
    for (const [index, { key }] of queries.entries()) answers.set(key, found[index] ?? []);
  }
}

/** @throws Problem `nothing-found` instead of `script-failed` if a question found no node */
function evaluateOrExplain({ source, statements }: Script, evaluationInputs: EvaluationInputs) {
  try {
    return evaluateScript({ source, statements }, evaluationInputs);
  } catch (error) {
    const foundNone = [...evaluationInputs.answers.values()].some((nodes) => nodes.length === 0);
    if (!(error instanceof Problem) || error.code !== 'script-failed' || !foundNone) throw error;
    throw new Problem('nothing-found', error.message, error.hint, { cause: error });
  }
}

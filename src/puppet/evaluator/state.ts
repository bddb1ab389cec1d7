/** The state and the results of an evaluation. */
import type { Catalogue, Resource, Setting } from '../catalogue/resource.ts';
import type { Definition, Expression, Statement } from '../parser/ast.ts';
import type { SourcePosition, ScriptSource } from '../source.ts';
import type { Answers, FleetQuery } from './query.ts';
import type { Value } from '../values/values.ts';

/** The scope of names. */
export interface Scope {
  readonly source: ScriptSource;
  readonly variables: Map<string, Value>;
  /** Variables that wait for an answer of the fleet. */
  readonly waiting: Set<string>;
  /** The outer scope for unknown names. */
  readonly parent: Scope | undefined;
  /** The scope that declared it: its defaults also apply here. */
  readonly caller: Scope | undefined;
  readonly container: Resource | undefined;
  readonly defaults: Map<string, Map<string, Setting>>;
  /** The prefix of defines and classes in it. */
  readonly prefix: string;
  /** The position of resources that are declared here, if the scope belongs to a built-in define. */
  readonly declaredAt: SourcePosition | undefined;
  /** `$0`, `$1`, …: of the last regex that matched. */
  captures: readonly (string | undefined)[];
}

export interface KnownDefinition {
  readonly definition: Definition;
  readonly source: ScriptSource;
  readonly builtIn: boolean;
}

/** A line for the operator. */
export interface Notice {
  readonly level: string;
  readonly text: string;
}

/** What remains when all independent statements were evaluated: once for each generation of defines. */
export interface Later {
  readonly overrides: PendingOverride[];
  readonly collectors: ActiveCollector[];
}

export interface PendingOverride {
  readonly key: string;
  readonly shown: string;
  readonly position: SourcePosition;
  readonly apply: (resource: Resource) => void;
}

export interface ActiveCollector {
  /** Realizes matching resources, and sets attributes; each resource once. */
  readonly collect: () => void;
}

export interface Evaluation {
  readonly script: ScriptSource;
  readonly inputs: ReadonlyMap<string, string>;
  /** Of the machine that runs the script. */
  readonly facts: ReadonlyMap<string, Value>;
  readonly agentNames: ReadonlyMap<string, string>;
  readonly answers: Answers;
  /** Earlier questions, by key. */
  readonly queries: Map<string, FleetQuery>;
  readonly definitions: ReadonlyMap<string, KnownDefinition>;
  readonly catalogue: Catalogue;
  readonly classScopes: Map<string, Scope>;
  /** Declared defines that are not evaluated yet. */
  readonly undone: Set<Resource>;
  readonly scopes: Map<Resource, Scope>;
  readonly later: Later;
  readonly notices: Notice[];
  readonly top: Scope;
  /** Takes from the script's budget. @throws Problem `bad-script` when it is used up */
  readonly spend: (amount: number, position: SourcePosition) => void;
  readonly evaluate: (expression: Expression, scope: Scope) => Value;
  readonly run: (statements: readonly Statement[], scope: Scope) => void;
}

export function positionIn(scope: Scope, at: number): SourcePosition {
  return { source: scope.source, at };
}

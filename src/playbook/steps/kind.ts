import type { Ddl } from '../../core/ddl/ddl.ts';
import type { Expression } from '../expressions/expression.ts';
import type { GroupSource, StepSource } from '../source/schema.ts';
import type { GroupSteps } from '../run/rounds.ts';
import type { SourceLocation } from '../source/locations.ts';
import type { Playbook, StepBody } from '../model.ts';
import type { Shape } from '../expressions/shapes.ts';
import type { Template } from '../expressions/template.ts';

/** What a kind of step needs to check its part of the file and to make it ready to run. */
export interface StepCompiler {
  readonly source: StepSource;
  readonly catalogue: ReadonlyMap<string, Ddl>;
  readonly nodeSets: readonly string[];
  /** The steps that have ended before this one begins, by their ids. */
  readonly seen: ReadonlyMap<string, StepSource>;
  /** The place of what is at a path within the step. */
  readonly at: (...path: string[]) => SourceLocation;
  /** The place of a key within the step. */
  readonly atKey: (...path: string[]) => SourceLocation;
  /** Another playbook, as this one names it. */
  readonly used: (name: string) => Playbook;
  /** A condition at a key of the step. `reply` is the shape of the variable of that name, where there is one. */
  readonly condition: (key: keyof StepSource, text: string, reply?: Shape) => Expression;
  /** An expression at a key of the step, of any type. */
  readonly expression: (key: keyof StepSource, text: string) => Expression;
  /** @param within where below the key the value stands */
  readonly template: (key: keyof StepSource, value: unknown, reply?: Shape, ...within: string[]) => Template;
  /** The steps that stand below a key. They see what this step sees, the variables named, and each other as their needs allow. */
  readonly group: (key: keyof StepSource, group: GroupSource, variables: Readonly<Record<string, Shape>>) => GroupSteps;
}

/** One kind of step. */
export interface StepKind {
  /** The key by which a step is known to be of this kind. */
  readonly key: keyof StepSource;
  /** The keys that belong to it, beside those that every step may have. */
  readonly keys: readonly (keyof StepSource)[];
  /** @throws Problem `bad-playbook` */
  readonly compile: (compiler: StepCompiler) => StepBody;
  /** What replies of the step look like to later steps; left out where it has none. */
  readonly reply?: (source: StepSource, catalogue: ReadonlyMap<string, Ddl>) => Shape | undefined;
  /** The steps within it. */
  readonly inner?: (source: StepSource) => readonly StepSource[];
  /** The names that `values` has after the step. */
  readonly values?: (source: StepSource) => readonly string[];
}

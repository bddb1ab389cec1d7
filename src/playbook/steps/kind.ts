import type { Ddl } from '../../core/ddl/ddl.ts';
import type { Expression } from '../expressions/expression.ts';
import type { GroupSource, StepSource } from '../source/schema.ts';
import type { GroupSteps } from '../run/rounds.ts';
import type { SourceLocation } from '../source/locations.ts';
import type { Playbook, StepBody } from '../model.ts';
import type { Shape } from '../expressions/shapes.ts';
import type { Template } from '../expressions/template.ts';

/** What a kind of step needs to check and compile its part of the file. */
export interface StepCompiler {
  readonly source: StepSource;
  readonly catalogue: ReadonlyMap<string, Ddl>;
  readonly nodeSets: readonly string[];
  /** The steps that have ended before this one begins, by their ids. */
  readonly seen: ReadonlyMap<string, StepSource>;
  /** The position of a path within the step. */
  readonly at: (...path: string[]) => SourceLocation;
  /** The position of a key within the step. */
  readonly atKey: (...path: string[]) => SourceLocation;
  /** Another playbook, under the name in this one. */
  readonly used: (name: string) => Playbook;
  /** A condition at a key of the step. `reply` is the shape of the variable with that name, if there is one. */
  readonly condition: (key: keyof StepSource, text: string, reply?: Shape) => Expression;
  /** An expression at a key of the step, of any type. */
  readonly expression: (key: keyof StepSource, text: string) => Expression;
  /** @param within the path of the value below the key */
  readonly template: (key: keyof StepSource, value: unknown, reply?: Shape, ...within: string[]) => Template;
  /** The steps below a key. They see what this step sees, the named variables, and each other as their needs allow. */
  readonly group: (key: keyof StepSource, group: GroupSource, variables: Readonly<Record<string, Shape>>) => GroupSteps;
}

/** One kind of step. */
export interface StepKind {
  /** The key that identifies this kind. */
  readonly key: keyof StepSource;
  /** Its other keys, besides the common ones. */
  readonly keys: readonly (keyof StepSource)[];
  /** @throws Problem `bad-playbook` */
  readonly compile: (compiler: StepCompiler) => StepBody;
  /** The shape of the step's replies for later steps; omitted if it has none. */
  readonly reply?: (source: StepSource, catalogue: ReadonlyMap<string, Ddl>) => Shape | undefined;
  /** The steps within it. */
  readonly inner?: (source: StepSource) => readonly StepSource[];
  /** The names that `values` has after the step. */
  readonly values?: (source: StepSource) => readonly string[];
}

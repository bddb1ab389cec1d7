import type { Evaluation, Scope } from '../evaluator/state.ts';
import type { Value } from '../values/values.ts';
import type { SourcePosition } from '../source.ts';

/** What a function may read besides its arguments. */
export interface FunctionCall {
  readonly evaluation: Evaluation;
  readonly scope: Scope;
  readonly position: SourcePosition;
  /** @throws Problem `bad-script` at the position of the call, always */
  readonly fail: (message: string, hint?: string) => never;
}

export interface ScriptFunction {
  readonly least: number;
  readonly most: number;
  readonly run: (args: readonly Value[], call: FunctionCall) => Value;
}

/** @param counts the number of arguments: one number, or the least and the most */
export function defineFunction(counts: number | readonly [number, number], run: ScriptFunction['run']): ScriptFunction {
  const [least, most] = typeof counts === 'number' ? [counts, counts] : counts;
  return { least, most, run };
}

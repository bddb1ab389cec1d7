import { count, suggest } from '../../core/text.ts';
import { type Evaluation, positionIn, type Scope } from '../evaluator/state.ts';
import type { Value } from '../values/values.ts';
import { weigh } from '../values/weight.ts';
import type { Call } from '../parser/ast.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { foreignFunctions, scriptFunctions } from './index.ts';
import type { ScriptFunction } from './kind.ts';

/** @throws Problem `bad-script`, `script-failed`; Waiting if the fleet must be asked first */
export function callFunction(evaluation: Evaluation, { name, at }: Call, args: readonly Value[], scope: Scope): Value {
  const position = scope.declaredAt ?? positionIn(scope, at);
  const found = requireFunction(name, args.length, position);
  for (const value of args) evaluation.spend(weigh(value).size, position);
  const fail = (message: string, hint?: string) => failAt(position, `“${name}”: ${message}`, hint);
  return found.run(args, { evaluation, scope, position, fail });
}

/** @throws Problem `bad-script` if there is no such function, or it takes another number of arguments */
export function requireFunction(written: string, size: number, position: SourcePosition): ScriptFunction {
  const name = written.replace(/^::/, '');
  const found = Object.hasOwn(scriptFunctions, name) ? scriptFunctions[name] : undefined;
  if (found === undefined) {
    const instead = Object.hasOwn(foreignFunctions, name) ? foreignFunctions[name] : undefined;
    if (instead !== undefined) return failAt(position, `the function “${name}” is not part of these scripts`, instead);
    return failAt(position, `there is no function “${name}”`, suggest(name, Object.keys(scriptFunctions)));
  }
  const { least, most } = found;
  if (size >= least && size <= most) return found;
  const takes = least === most ? count(least, 'argument') : `${least} to ${most} arguments`;
  return failAt(position, `“${name}” takes ${takes}, and ${size} ${size === 1 ? 'is' : 'are'} given`);
}

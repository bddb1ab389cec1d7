/** `=~`, `in`, and the comparison of options of `case` and `?`. */
import { compileFinder } from '../../core/filter/pattern.ts';
import { isInstance } from '../types/data-type.ts';
import { failAt, type SourcePosition, withPosition } from '../source.ts';
import { equal } from '../values/compare.ts';
import type { Evaluation, Scope } from './state.ts';
import { isHash, isList, isPattern, isReference, kindOf, type Value } from '../values/values.ts';

/** Whether the pattern matches the text; its groups are `$0`, `$1`, … from then on. */
function matchesPattern(
  evaluation: Evaluation,
  scope: Scope,
  text: string,
  pattern: string,
  position: SourcePosition,
): boolean {
  evaluation.spend(50 + text.length / 10, position);
  const [found] = withPosition(position, () => compileFinder(pattern)(text));
  if (found !== undefined) scope.captures = found.groups;
  return found !== undefined;
}

/** `left =~ right`. */
export function matches(
  evaluation: Evaluation,
  scope: Scope,
  left: Value,
  right: Value,
  position: SourcePosition,
): boolean {
  if (isReference(right)) return isInstance(left, right, position);
  const pattern = isPattern(right) ? right.pattern : right;
  if (typeof pattern !== 'string') return failAt(position, `“=~” takes a regex on its right, not ${kindOf(right)}`);
  if (typeof left !== 'string') return failAt(position, `“=~” takes a string on its left, not ${kindOf(left)}`);
  return matchesPattern(evaluation, scope, left, pattern, position);
}

/** Whether a value matches an option. */
export function fits(
  evaluation: Evaluation,
  scope: Scope,
  value: Value,
  option: Value,
  position: SourcePosition,
): boolean {
  if (isPattern(option)) {
    return typeof value === 'string' && matchesPattern(evaluation, scope, value, option.pattern, position);
  }
  if (isReference(option) && !isReference(value)) return isInstance(value, option, position);
  return equal(value, option);
}

/** `left in right`: a member, a key, or a part of a string, ignoring case. */
export function isIn(
  evaluation: Evaluation,
  scope: Scope,
  left: Value,
  right: Value,
  position: SourcePosition,
): boolean {
  const members = isHash(right) ? [...right.keys()] : right;
  if (isList(members)) {
    evaluation.spend(members.length, position);
    return members.some((member) =>
      isPattern(left)
        ? typeof member === 'string' && matchesPattern(evaluation, scope, member, left.pattern, position)
        : equal(left, member),
    );
  }
  if (typeof right !== 'string') return false;
  if (isPattern(left)) return matchesPattern(evaluation, scope, right, left.pattern, position);
  return typeof left === 'string' && right.toLowerCase().includes(left.toLowerCase());
}

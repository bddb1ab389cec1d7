/** `=~`, `in`, and the comparison of options of `case` and `?`. */
import { compileFinder } from '../../core/filter/pattern.ts';
import { isInstance } from '../types/data-type.ts';
import { failAt, type SourcePosition, withPosition } from '../source.ts';
import { equal } from '../values/compare.ts';
import type { Evaluation, Scope } from './state.ts';
import { isHash, isList, isPattern, isReference, kindOf, type Value } from '../values/values.ts';

/** A comparison in a script. */
export interface Comparison {
  readonly evaluation: Evaluation;
  /** It keeps the groups of a regex. */
  readonly scope: Scope;
  readonly position: SourcePosition;
}

/** Whether the pattern matches the text; its groups are `$0`, `$1`, … from then on. */
function matchesPattern({ evaluation, scope, position }: Comparison, text: string, pattern: string): boolean {
  evaluation.spend(50 + text.length / 10, position);
  const [found] = withPosition(position, () => compileFinder(pattern)(text));
  if (found !== undefined) scope.captures = found.groups;
  return found !== undefined;
}

/** `left =~ right`. */
export function matches(comparison: Comparison, left: Value, right: Value): boolean {
  const { position } = comparison;
  if (isReference(right)) return isInstance(left, right, position);
  const pattern = isPattern(right) ? right.pattern : right;
  if (typeof pattern !== 'string') return failAt(position, `“=~” takes a regex on its right, not ${kindOf(right)}`);
  if (typeof left !== 'string') return failAt(position, `“=~” takes a string on its left, not ${kindOf(left)}`);
  return matchesPattern(comparison, left, pattern);
}

/** Whether a value matches an option. */
export function fits(comparison: Comparison, value: Value, option: Value): boolean {
  if (isPattern(option)) {
    return typeof value === 'string' && matchesPattern(comparison, value, option.pattern);
  }
  if (isReference(option) && !isReference(value)) return isInstance(value, option, comparison.position);
  return equal(value, option);
}

/** `left in right`: a member, a key, or a part of a string, ignoring case. */
export function isIn(comparison: Comparison, left: Value, right: Value): boolean {
  const members = isHash(right) ? [...right.keys()] : right;
  if (isList(members)) {
    comparison.evaluation.spend(members.length, comparison.position);
    return members.some((member) =>
      isPattern(left)
        ? typeof member === 'string' && matchesPattern(comparison, member, left.pattern)
        : equal(left, member),
    );
  }
  if (typeof right !== 'string') return false;
  if (isPattern(left)) return matchesPattern(comparison, right, left.pattern);
  return typeof left === 'string' && right.toLowerCase().includes(left.toLowerCase());
}

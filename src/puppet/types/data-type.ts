/** Data types, for parameters and `=~`: `String`, `Optional[Integer]`, `Enum[a, b]`. */
import { compileFinder } from '../../core/filter/pattern.ts';
import { suggest } from '../../core/text.ts';
import { isHash, isList, isPattern, isReference, type List, type Reference, type Value } from '../values/values.ts';
import { failAt, type SourcePosition, withPosition } from '../source.ts';

type Test = (value: Value, parameters: List, position: SourcePosition) => boolean;

const isNumber = (value: Value) => typeof value === 'bigint' || typeof value === 'number';

const within = (size: bigint | number, [least, most]: List) =>
  (least === undefined || size >= Number(least)) && (most === undefined || size <= Number(most));

const tests: Readonly<Record<string, Test>> = {
  any: () => true,
  undef: (value) => value === undefined,
  boolean: (value) => typeof value === 'boolean',
  numeric: isNumber,
  integer: (value, range) => typeof value === 'bigint' && within(value, range),
  float: (value, range) => typeof value === 'number' && within(value, range),
  string: (value, range) => typeof value === 'string' && within(value.length, range),
  scalar: (value) => typeof value === 'string' || typeof value === 'boolean' || isNumber(value),
  data: (value) => !isReference(value) && !isPattern(value),
  regexp: isPattern,
  collection: (value) => isList(value) || isHash(value),
  array: (value, [type, ...range], position) =>
    isList(value) && within(value.length, range) && value.every((member) => isOf(member, type, position)),
  hash: (value, [, type], position) =>
    isHash(value) && [...value.values()].every((member) => isOf(member, type, position)),
  enum: (value, names) => typeof value === 'string' && names.includes(value),
  pattern: (value, patterns, position) =>
    typeof value === 'string' && patterns.some((one) => isFound(value, one, position)),
  optional: (value, [type], position) => value === undefined || isOf(value, type, position),
  notundef: (value, [type], position) => value !== undefined && isOf(value, type, position),
  variant: (value, types, position) => types.some((type) => isOf(value, type, position)),
};

/** Whether a capitalised name is a data type, not a type of resources. */
export function isDataType(name: string): boolean {
  return Object.hasOwn(tests, name);
}

/** @throws Problem `bad-script` for an unknown type */
export function isInstance(value: Value, { reference, parameters = [] }: Reference, position: SourcePosition): boolean {
  const test = Object.hasOwn(tests, reference) ? tests[reference] : undefined;
  if (test === undefined)
    return failAt(position, `“${reference}” is not a data type`, suggest(reference, Object.keys(tests)));
  return test(value, parameters, position);
}

function isOf(value: Value, type: Value, position: SourcePosition): boolean {
  if (type === undefined) return true;
  if (isReference(type)) return isInstance(value, type, position);
  return value === type;
}

function isFound(text: string, pattern: Value, position: SourcePosition): boolean {
  const source = isPattern(pattern) ? pattern.pattern : String(pattern);
  return !withPosition(position, () => compileFinder(source)(text).next()).done;
}

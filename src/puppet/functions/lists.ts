/** Lists and hashes, as in Puppet and its standard library. */
import { equal, order } from '../values/compare.ts';
import { flatten, isHash, isList, numberIn, toText, type Value } from '../values/values.ts';
import { limits } from '../limits.ts';
import { hashIn, listIn, textIn, wholeNumberIn } from './arguments.ts';
import { defineFunction, type FunctionCall, type ScriptFunction } from './kind.ts';

export const listFunctions: Readonly<Record<string, ScriptFunction>> = {
  concat: defineFunction([1, 20], ([first, ...others], { fail }) => [
    ...listIn(first, fail),
    ...others.flatMap((one) => (isList(one) ? one : [one])),
  ]),
  count: defineFunction([1, 2], (args, { fail }) => {
    const [list, value] = [listIn(args[0], fail), args[1]];
    const counted = list.filter((one) => (args.length === 2 ? one === value : one !== undefined && one !== ''));
    return BigInt(counted.length);
  }),
  delete: defineFunction(2, ([from, what], { fail }) => {
    const gone = isList(what) ? what : [what];
    if (isHash(from)) return new Map([...from].filter(([key]) => !gone.includes(key)));
    if (typeof from === 'string')
      return gone.reduce<string>((text, one) => text.replaceAll(textIn(one, fail), ''), from);
    return listIn(from, fail).filter((one) => !gone.includes(one));
  }),
  difference: defineFunction(2, ([from, what], { fail }) => {
    const gone = listIn(what, fail);
    return listIn(from, fail).filter((one) => !gone.includes(one));
  }),
  first: defineFunction(1, ([list], { fail }) => listIn(list, fail)[0]),
  flatten: defineFunction([1, 20], (args) => flatten(args)),
  has_key: defineFunction(2, ([hash, key], { fail }) => hashIn(hash, fail).has(key)),
  intersection: defineFunction(2, ([from, what], { fail }) => {
    const kept = listIn(what, fail);
    return unique(listIn(from, fail).filter((one) => kept.includes(one)));
  }),
  join: defineFunction([1, 2], ([list, separator], { fail }) =>
    flatten(listIn(list, fail))
      .map(toText)
      .join(separator === undefined ? '' : textIn(separator, fail)),
  ),
  keys: defineFunction(1, ([hash], { fail }) => [...hashIn(hash, fail).keys()]),
  last: defineFunction(1, ([list], { fail }) => listIn(list, fail).at(-1)),
  length: defineFunction(1, ([value], call) => sizeOf(value, call)),
  max: defineFunction([1, 100], (args, call) => extreme(args, 1, call)),
  member: defineFunction(2, ([list, value], { fail }) => {
    const members = listIn(list, fail);
    return (isList(value) ? value : [value]).every((one) => members.includes(one));
  }),
  merge: defineFunction([2, 20], (args, { fail }) => new Map(args.flatMap((one) => [...hashIn(one, fail)]))),
  min: defineFunction([1, 100], (args, call) => extreme(args, -1, call)),
  pick: defineFunction([1, 50], (args, { fail }) => {
    const found = args.find((one) => one !== undefined && one !== '');
    return found === undefined ? fail('none of its arguments has a value') : found;
  }),
  range: defineFunction([2, 3], ([from, to, step = 1n], call) => range(from, to, step, call)),
  reverse: defineFunction(1, ([value], { fail }) =>
    typeof value === 'string' ? [...value].reverse().join('') : listIn(value, fail).toReversed(),
  ),
  size: defineFunction(1, ([value], call) => sizeOf(value, call)),
  sort: defineFunction(1, ([value], { fail }) => {
    if (typeof value === 'string') return [...value].sort().join('');
    return listIn(value, fail).toSorted((a, b) => compareMembers(a, b, fail));
  }),
  union: defineFunction([2, 20], (args, { fail }) => unique(args.flatMap((one) => listIn(one, fail)))),
  unique: defineFunction(1, ([value], { fail }) =>
    typeof value === 'string' ? unique([...value]).join('') : unique(listIn(value, fail)),
  ),
  values: defineFunction(1, ([hash], { fail }) => [...hashIn(hash, fail).values()]),
};

function sizeOf(value: Value, { fail }: FunctionCall): bigint {
  if (isHash(value)) return BigInt(value.size);
  return BigInt(typeof value === 'string' ? [...value].length : listIn(value, fail).length);
}

function unique(list: readonly Value[]): Value[] {
  return list.filter(
    (value, index) => list.findIndex((other) => typeof other === typeof value && equalExactly(other, value)) === index,
  );
}

/** Strings with different case are different. */
function equalExactly(a: Value, b: Value): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : equal(a, b);
}

function compareMembers(a: Value, b: Value, fail: FunctionCall['fail']): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return order(a, b) ?? fail('its members can’t be put in order');
}

function extreme(args: readonly Value[], sign: 1 | -1, { fail }: FunctionCall): Value {
  return args.reduce((best, one) => {
    const which = order(one, best) ?? fail('its arguments can’t be put in order');
    return which * sign > 0 ? one : best;
  });
}

/** Numbers, or strings that end in numbers: web1 to web9. */
function range(from: Value, to: Value, step: Value, { fail, evaluation, position }: FunctionCall): Value[] {
  const [head = '', start = ''] = /^(.*?)(\d+)$/s.exec(toText(from))?.slice(1) ?? [];
  const [tail = '', end = ''] = /^(.*?)(\d+)$/s.exec(toText(to))?.slice(1) ?? [];
  const by = wholeNumberIn(step, fail);
  if (head !== tail || start === '' || by <= 0n) return fail('it takes two numbers, or two names that end in numbers');
  const size = (BigInt(end) - BigInt(start)) / by + 1n;
  if (size > BigInt(limits.size)) return fail(`it would give more than ${limits.size} members`);
  evaluation.spend(Math.max(0, Number(size)), position);
  const numbers = Array.from({ length: Math.max(0, Number(size)) }, (_, index) => BigInt(start) + by * BigInt(index));
  if (numberIn(from) !== undefined) return numbers;
  return numbers.map((one) => `${head}${String(one).padStart(start.startsWith('0') ? start.length : 1, '0')}`);
}

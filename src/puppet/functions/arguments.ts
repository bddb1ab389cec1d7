/** Arguments of the kind that a function requires. */
import { isHash, isList, kindOf, type Hash, type List, numberIn, toText, type Value } from '../values/values.ts';
import type { FunctionCall } from './kind.ts';

type Fail = FunctionCall['fail'];

/** @throws Problem `bad-script` */
export function listIn(value: Value, fail: Fail): List {
  return isList(value) ? value : fail(`it takes a list, not ${kindOf(value)}`);
}

export function hashIn(value: Value, fail: Fail): Hash {
  return isHash(value) ? value : fail(`it takes a hash, not ${kindOf(value)}`);
}

/** A string, or a number converted to one. */
export function textIn(value: Value, fail: Fail): string {
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number') return toText(value);
  return fail(`it takes a string, not ${kindOf(value)}`);
}

export function wholeNumberIn(value: Value, fail: Fail): bigint {
  const number = numberIn(value);
  return typeof number === 'bigint' ? number : fail(`it takes a whole number, not ${kindOf(value)}`);
}

/** The function for a string, or for each member of a list. */
export function eachText(value: Value, fail: Fail, change: (text: string) => string): Value {
  return isList(value) ? value.map((one) => eachText(one, fail, change)) : change(textIn(value, fail));
}

/** The type of a value. */
import { isHash, isList, numberIn, type Value } from '../values/values.ts';
import { defineFunction, type ScriptFunction } from './kind.ts';

const ask = (test: (value: Value) => boolean) => defineFunction(1, ([value]) => test(value));

export const kindFunctions: Readonly<Record<string, ScriptFunction>> = {
  empty: ask((value) => {
    if (isList(value)) return value.length === 0;
    return isHash(value) ? value.size === 0 : value === undefined || value === '';
  }),
  is_array: ask(isList),
  is_bool: ask((value) => typeof value === 'boolean'),
  is_float: ask((value) => typeof numberIn(value) === 'number'),
  is_hash: ask(isHash),
  is_integer: ask((value) => typeof numberIn(value) === 'bigint'),
  is_numeric: ask((value) => numberIn(value) !== undefined),
  // A string that looks like a number is not one for this function.
  is_string: ask((value) => typeof value === 'string' && numberIn(value) === undefined),
};

/** `value[key]`: a member of a list, of a hash, a part of a string, a resource, or an attribute of one. */
import { keyOf, settingOf } from '../catalogue/resource.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { isDataType } from '../types/data-type.ts';
import type { Evaluation } from './state.ts';
import {
  flatten,
  formatReference,
  isHash,
  isList,
  isReference,
  kindOf,
  numberIn,
  type Reference,
  type Value,
} from '../values/values.ts';

export function readAccess(evaluation: Evaluation, of: Value, keys: readonly Value[], position: SourcePosition): Value {
  if (isReference(of)) {
    return of.title === undefined ? refer(of, keys, position) : readAttribute(evaluation, of, keys, position);
  }
  const [key, count] = keys;
  if (isHash(of)) return keys.length === 1 ? of.get(key) : keys.map((one) => of.get(one));
  if (isList(of) || typeof of === 'string') {
    const from = indexIn(key, of.length, position);
    if (keys.length === 1) return typeof of === 'string' ? (of[from] ?? '') : of[from];
    const size = Number(numberIn(count) ?? failAt(position, 'the number of members must be a number'));
    // What would be before the first member counts, but is not there.
    return of.slice(Math.max(0, from), Math.max(0, size < 0 ? of.length + size + 1 : from + size));
  }
  if (of === undefined) return failAt(position, 'undef has no members', 'the variable has no value here');
  return failAt(position, `${kindOf(of)} has no members`);
}

/** Negative ones count from the end. */
function indexIn(key: Value, length: number, position: SourcePosition): number {
  const index = numberIn(key);
  if (typeof index !== 'bigint') return failAt(position, `an index is a whole number, not ${kindOf(key)}`);
  return Number(index) < 0 ? length + Number(index) : Number(index);
}

/** `Mcollective[a]`; with several titles, a list of references. */
function refer({ reference, parameters }: Reference, keys: readonly Value[], position: SourcePosition): Value {
  if (parameters !== undefined) return failAt(position, `${formatReference({ reference, parameters })} has no members`);
  if (isDataType(reference)) return { reference, parameters: keys };
  const references = flatten(keys).map((title): Reference => {
    if (typeof title !== 'string' || title === '') {
      return failAt(
        position,
        `a resource is named by its title, not by ${title === '' ? 'an empty string' : kindOf(title)}`,
      );
    }
    return { reference, title: reference === 'class' ? title.replace(/^::/, '').toLowerCase() : title };
  });
  return references.length === 1 ? references[0] : references;
}

function readAttribute(
  { catalogue }: Evaluation,
  of: Reference,
  keys: readonly Value[],
  position: SourcePosition,
): Value {
  const resource = catalogue.resources.get(keyOf(of.reference, of.title ?? ''));
  if (resource === undefined) return failAt(position, `${formatReference(of)} is not declared before this place`);
  const [name] = keys;
  return name === 'title' || name === 'name' ? resource.title : settingOf(resource, String(name))?.value;
}

/** Attributes in the form of the built-in types. */
import { numberIn, isList, kindOf, toText, type Value } from '../values/values.ts';
import { type Resource, type Setting, settingOf } from '../catalogue/resource.ts';
import { failAt } from '../source.ts';
import { readTerms } from './filter.ts';

type Read<T> = (value: Value, setting: Setting) => T;

/** Undefined if the attribute is not set. */
export function readSetting<T>(resource: Resource, name: string, read: Read<T>): T | undefined {
  const setting = settingOf(resource, name);
  return setting === undefined ? undefined : read(setting.value, setting);
}

/** A text, with or without quotes. @throws Problem `bad-script` */
export function readText(resource: Resource, name: string): string | undefined {
  return readSetting(resource, name, (value, { position }) => {
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'bigint' || typeof value === 'number') return toText(value);
    return failAt(position, `“${name}” must be a string, not ${value === '' ? 'an empty one' : kindOf(value)}`);
  });
}

/** A whole number of at least one. @throws Problem `bad-script` */
export function readCount(resource: Resource, name: string, most: number): number | undefined {
  return readSetting(resource, name, (value, { position }) => {
    const number = numberIn(value);
    if (typeof number === 'bigint' && number >= 1n && number <= BigInt(most)) return Number(number);
    return failAt(position, `“${name}” must be a whole number from 1 to ${most}, not ${shown(value)}`);
  });
}

/** Seconds; in milliseconds. @throws Problem `bad-script` */
export function readSeconds(resource: Resource, name: string): number | undefined {
  return readSetting(resource, name, (value, { position }) => {
    const seconds = Number(numberIn(value) ?? Number.NaN);
    if (seconds >= 0 && seconds <= 86_400) return Math.round(seconds * 1000);
    return failAt(position, `“${name}” must be a number of seconds up to 86400, not ${shown(value)}`);
  });
}

/** @throws Problem `bad-script` */
export function readFlag(resource: Resource, name: string): boolean | undefined {
  return readSetting(resource, name, (value, { position }) => {
    if (typeof value === 'boolean') return value;
    const words: Readonly<Record<string, boolean>> = {
      true: true,
      yes: true,
      false: false,
      no: false,
      on_failure: false,
    };
    if (typeof value === 'string' && Object.hasOwn(words, value)) return words[value] ?? false;
    return failAt(position, `“${name}” must be true or false, not ${shown(value)}`);
  });
}

/** The terms of a filter. An empty list would mean every node: it is refused. @throws Problem `bad-script` */
export function readFilter(resource: Resource, name: string): string[] {
  const terms = readSetting(resource, name, (value, { position }) => {
    if (isList(value) && value.length === 0) {
      const hint = 'it would address every node: look whether the list is empty, and fail';
      failAt(position, `“${name}” is an empty list`, hint);
    }
    return readTerms(name, value, position);
  });
  return terms ?? [];
}

function shown(value: Value): string {
  const text = toText(value);
  return text === '' || text.length > 40 ? kindOf(value) : `“${text}”`;
}

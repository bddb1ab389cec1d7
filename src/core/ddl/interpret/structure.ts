import { Problem } from '../../errors.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { type Check, type Keyword, keywordNumber } from './keyword.ts';

function size(
  keyword: string,
  sizeOf: (value: unknown) => number | undefined,
  atLeast: boolean,
  things: string,
): Keyword {
  return (expected) => {
    const limit = keywordNumber(keyword, expected);
    return (value, path, report) => {
      const found = sizeOf(value);
      if (found === undefined || (atLeast ? found >= limit : found <= limit)) return;
      report(path, keyword, { limit }, `must NOT have ${atLeast ? 'fewer' : 'more'} than ${limit} ${things}`);
    };
  };
}

const items = (value: unknown) => (Array.isArray(value) ? value.length : undefined);
const keys = (value: unknown) => (isObject(value) ? Object.keys(value).length : undefined);

function pointer(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function mapping(keyword: string, expected: unknown): JsonObject {
  if (isObject(expected)) return expected;
  throw new Problem('bad-schema', `“${keyword}” must be an object`);
}

/** Keywords for arrays and objects. */
export const structureKeywords: Readonly<Record<string, Keyword>> = {
  items: (expected, { compile }) => {
    const check = compile(expected);
    return (value, path, report) => {
      if (Array.isArray(value)) for (const [index, item] of value.entries()) check(item, `${path}/${index}`, report);
    };
  },
  minItems: size('minItems', items, true, 'items'),
  maxItems: size('maxItems', items, false, 'items'),
  minProperties: size('minProperties', keys, true, 'properties'),
  maxProperties: size('maxProperties', keys, false, 'properties'),
  properties: (expected, { compile }) => {
    const properties = Object.entries(mapping('properties', expected)).map(([key, schema]) => ({
      key,
      check: compile(schema),
      missing: (schema as JsonObject).default,
    }));
    return (value, path, report) => {
      if (!isObject(value)) return;
      for (const { key, check, missing } of properties) {
        if (!Object.hasOwn(value, key) && missing !== undefined) value[key] = structuredClone(missing);
        if (Object.hasOwn(value, key)) check(value[key], pointer(path, key), report);
      }
    };
  },
  required: (expected) => {
    if (!Array.isArray(expected)) throw new Problem('bad-schema', '“required” must be a list');
    const names = (expected as unknown[]).map(String);
    return (value, path, report) => {
      if (!isObject(value)) return;
      for (const missingProperty of names)
        if (!Object.hasOwn(value, missingProperty)) report(path, 'required', { missingProperty });
    };
  },
  additionalProperties: (expected, { compile, schema }) => {
    const known = new Set(isObject(schema.properties) ? Object.keys(schema.properties) : []);
    const check: Check | undefined = typeof expected === 'boolean' ? undefined : compile(expected);
    if (expected === true) return () => {};
    return (value, path, report) => {
      if (!isObject(value)) return;
      for (const key of Object.keys(value).filter((name) => !known.has(name))) {
        if (check !== undefined) check(value[key], pointer(path, key), report);
        else report(path, 'additionalProperties', { additionalProperty: key }, undefined, schema);
      }
    };
  },
};

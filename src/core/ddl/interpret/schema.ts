import type { ErrorObject } from 'ajv';
import { Problem } from '../../errors.ts';
import { boundedCompiler } from '../../filter/pattern.ts';
import { isObject } from '../../json.ts';
import type { Validate } from '../schema.ts';
import type { Check, Interpreting, Keyword } from './keyword.ts';
import { structureKeywords } from './structure.ts';
import { valueKeywords } from './value.ts';

/** Keywords for people, which do not check the value; the enclosing object fills in `default`. */
const annotations = new Set(['title', 'description', 'default', 'examples', '$comment', '$schema']);

/** In this order: missing values and wrong types are reported first, and defaults are set before `required` is checked. */
const keywords: ReadonlyMap<string, Keyword> = new Map([
  ...Object.entries(valueKeywords),
  ...Object.entries(structureKeywords),
]);

const deepest = 8;
const mostSchemas = 2000;

/**
 * A validator for a JSON Schema from outside: interpreted, so that it never becomes code, and with every regex in
 * linear time. It supports the part of JSON Schema (draft 7) that DDLs use.
 * @returns a function as ajv makes them: it fills in defaults and leaves its faults in `errors`
 * @throws Problem `bad-schema` for an unknown keyword or shape, `bad-pattern`
 */
export function interpretSchema(schema: object): Validate {
  const compilePattern = boundedCompiler();
  let schemas = 0;
  const compileAt = (part: unknown, depth: number): Check => {
    if (!isObject(part)) throw new Problem('bad-schema', 'a schema must be an object');
    if (++schemas > mostSchemas || depth > deepest) throw new Problem('bad-schema', 'the schema is too large');
    return compileOne({ schema: part, compilePattern, compile: (child) => compileAt(child, depth + 1) });
  };
  const check = compileAt(schema, 0);
  const validate: Validate = (value) => {
    const errors: ErrorObject[] = [];
    check(value, '', (instancePath, keyword, params, message = '', parentSchema = schema) => {
      errors.push({ instancePath, keyword, params, message, schemaPath: '', parentSchema });
    });
    validate.errors = errors;
    return errors.length === 0;
  };
  return validate;
}

function compileOne(interpreting: Interpreting): Check {
  const { schema } = interpreting;
  const foreign = Object.keys(schema).find(
    (key) => !keywords.has(key) && !annotations.has(key) && !key.startsWith('x-'),
  );
  if (foreign !== undefined) {
    throw new Problem('bad-schema', `the schema uses “${foreign}”, which is not supported`);
  }
  const checks: Check[] = [];
  for (const [keyword, make] of keywords)
    if (Object.hasOwn(schema, keyword)) checks.push(make(schema[keyword], interpreting));
  return (value, path, report) => {
    let faults = 0;
    for (const check of checks) {
      check(value, path, (...fault) => {
        faults++;
        report(...fault);
      });
      // One fault of a value is enough: a wrong type breaks every other keyword, too.
      if (faults > 0) return;
    }
  };
}

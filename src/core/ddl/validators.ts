/**
 * Checks values against JSON Schemas that are built into the program.
 * Run from source, a schema is compiled when it is first used; in the bundle this module is replaced
 * by validators compiled at build time (package.json, `imports`), so that nothing is generated at run time.
 */
import { Ajv } from 'ajv';
import { ajvOptions, type Validate } from './schema.ts';

const ajv = new Ajv(ajvOptions);
const compiled = new WeakMap<object, Validate>();

/**
 * @param _id names the schema: `agent/haproxy/disable/input`, `config/node`, `playbook`, …
 * @returns a function that fills defaults into the value it checks
 */
export function validatorOf(_id: string, schema: object): Validate {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(schema) as Validate;
  compiled.set(schema, validate);
  return validate;
}

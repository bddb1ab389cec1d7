import { Ajv, type ValidateFunction } from 'ajv';
import { outputSchemas } from '../../../src/client/schemas/index.ts';

/** Checks an output against its shipped schema, which must name every key. @throws with what does not fit */
export function assertFits(name: string, value: unknown): void {
  const validate = validatorOf(name);
  if (!validate(value)) throw new Error(`${name}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`);
}

const ajv = new Ajv({ allErrors: false, strict: false, discriminator: false });
/** Compiling a schema takes longer than the check itself: each is compiled once. */
const validators = new Map<string, ValidateFunction>();

function validatorOf(name: string): ValidateFunction {
  const known = validators.get(name);
  if (known !== undefined) return known;
  const schema = outputSchemas[name];
  if (schema === undefined) throw new Error(`there is no schema ${name}`);
  const validate = ajv.compile(closed(schema) as object);
  validators.set(name, validate);
  return validate;
}

/** The schema without room for keys that it does not name: one that is added must be described. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  const made = Object.fromEntries(entries) as Record<string, unknown>;
  return 'properties' in made && made.type === 'object' ? { additionalProperties: false, ...made } : made;
}

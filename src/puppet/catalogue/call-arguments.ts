/** The arguments of a call, in the types of the action’s description. */
import { type ActionDdl, type Ddl, inputNames, inputSchema } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { suggest } from '../../core/text.ts';
import { bindCallInput } from '../../playbook/inputs/call-input.ts';
import { failAt, type SourcePosition } from '../source.ts';

/** Strings are converted to the described types, and numbers to strings. @throws Problem `bad-script` */
export function convertArguments(
  typed: JsonObject,
  ddl: Ddl,
  name: string,
  action: ActionDdl,
  position: SourcePosition,
): JsonObject {
  const known = inputNames(action);
  const unknown = Object.keys(typed).find((key) => !known.includes(key));
  if (unknown !== undefined) failAt(position, `${ddl.name}#${name} has no input “${unknown}”`, suggest(unknown, known));
  const converted = Object.fromEntries(
    Object.entries(typed)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, convert(value, typeOf(action, key))]),
  );
  try {
    bindCallInput(structuredClone(converted), ddl, name, action);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    failAt(position, error.message, error.hint);
  }
  return converted;
}

function typeOf(action: ActionDdl, key: string): unknown {
  const schema = inputSchema(action, key);
  return typeof schema === 'object' ? schema.type : undefined;
}

function convert(value: unknown, type: unknown): unknown {
  if (type === 'string') return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (type === 'array') return typeof value === 'string' ? value.split(',') : value;
  if (typeof value !== 'string') return value;
  if (type === 'boolean') {
    if (/^(true|t|yes|1)$/i.test(value)) return true;
    return /^(false|f|no|0)$/i.test(value) ? false : value;
  }
  const isNumber = type === 'integer' ? /^-?\d{1,15}$/ : /^-?\d{1,15}(\.\d{1,15})?$/;
  return (type === 'integer' || type === 'number') && isNumber.test(value) ? Number(value) : value;
}

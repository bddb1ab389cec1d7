import type { AnnotatedSchema } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { ChoriaInput } from './format.ts';

/**
 * Named validators as JSON Schema. `shellsafe` also refuses what the original accepts: `&`, quotes, backslashes,
 * parentheses and control characters, including the newline.
 */
const validators: Readonly<Record<string, object>> = {
  shellsafe: { pattern: '^[^`$;|&<>()\'"\\\\\\x00-\\x1f\\x7f]*$' },
  ipv4address: { format: 'ipv4' },
  ipv6address: { format: 'ipv6' },
  ipaddress: { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] },
  bool: { enum: ['true', 'false', 't', 'f', 'yes', 'no', '1', '0'] },
};

/** The longest string if the DDL sets no limit. */
const longest = 4096;

/** Types of Choria's DDL in the words of JSON Schema. */
export const jsonTypes = {
  string: 'string',
  list: 'string',
  integer: 'integer',
  float: 'number',
  number: 'number',
  boolean: 'boolean',
  hash: 'object',
  array: 'array',
} as const;

/**
 * One input of Choria's DDL as JSON Schema.
 * @throws Problem `bad-ddl` for a validator that does not exist: it would let everything through
 */
export function convertInput(name: string, input: ChoriaInput): AnnotatedSchema {
  const schema = {
    type: jsonTypes[input.type],
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.prompt === undefined ? {} : { 'x-prompt': input.prompt }),
    ...(input.sensitive === true ? { 'x-sensitive': true } : {}),
    ...(input.default === undefined || input.default === null ? {} : { default: input.default }),
    ...(input.type === 'list' ? { enum: allowedValues(name, input) } : {}),
    ...(input.type === 'string' ? convertString(name, input) : {}),
  };
  return schema as AnnotatedSchema;
}

function allowedValues(name: string, { list, enum: values = list }: ChoriaInput): readonly string[] {
  if (values === undefined) throw new Problem('bad-ddl', `the input ${name} is a list without values`);
  return values;
}

/** The regex applies at any length: a `maxlength` of 0 means no limit and disables nothing. */
function convertString(name: string, { validation = '', maxlength = 0 }: ChoriaInput): object {
  const limit = { maxLength: maxlength === 0 ? longest : maxlength };
  if (validation === '' || validation === '.') return limit;
  if (Object.hasOwn(validators, validation)) return { ...limit, ...validators[validation] };
  if (/^:?[A-Za-z]\w*$/.test(validation)) {
    const site = 'give its pattern in NAME.site.json: {"validators": {"NAME": "^…$"}}';
    const hint = `${suggest(validation, Object.keys(validators))}; ${site}`;
    throw new Problem('bad-ddl', `the input ${name} has the unknown validator “${validation}”`, hint);
  }
  return { ...limit, pattern: validation };
}

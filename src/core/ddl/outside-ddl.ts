import { validatorOf } from '#validators';
import { type Ddl, inputNames } from './ddl.ts';
import { inputValidatorOf } from './input.ts';
import { Problem } from '../errors.ts';
import { parseJsonObject } from '../json.ts';
import { faultsOf, formatPath } from './schema.ts';

const words = { type: 'string', maxLength: 4096 } as const;
export const agentNamePattern = '^[a-z][a-z0-9_]{0,63}$';
const actionNamePattern = '^[A-Za-z][A-Za-z0-9_]{0,63}$';

/** The shape of a DDL that a node sends; other keys are ignored. */
export const ddlSchema = {
  type: 'object',
  required: ['name', 'description', 'author', 'license', 'version', 'url', 'actions'],
  properties: {
    name: { type: 'string', pattern: agentNamePattern },
    description: words,
    author: words,
    license: words,
    version: { type: 'string', maxLength: 128 },
    url: words,
    aliases: { type: 'array', maxItems: 16, items: { type: 'string', pattern: agentNamePattern } },
    actions: {
      type: 'object',
      maxProperties: 200,
      propertyNames: { type: 'string', pattern: actionNamePattern },
      additionalProperties: {
        type: 'object',
        required: ['description', 'kind', 'repeatable', 'timeout', 'dryRun', 'display', 'input', 'output'],
        properties: {
          description: words,
          kind: { type: 'string', enum: ['read', 'change'] },
          repeatable: { type: 'boolean' },
          timeout: { type: 'number', exclusiveMinimum: 0, maximum: 86_400 },
          dryRun: { type: 'boolean' },
          display: { type: 'string', enum: ['ok', 'failed', 'always'] },
          input: { type: 'object' },
          output: { type: 'object' },
          traffic: {
            type: 'object',
            required: ['takes', 'hosts', 'proof'],
            properties: {
              takes: { type: 'string', enum: ['out', 'in'] },
              hosts: { type: 'string', maxLength: 128 },
              proof: { type: 'string', pattern: actionNamePattern },
            },
          },
          aggregate: {
            type: 'array',
            maxItems: 32,
            items: {
              type: 'object',
              required: ['function', 'output'],
              properties: {
                function: { type: 'string', enum: ['summary', 'average', 'sum', 'nagios_states'] },
                output: { type: 'string', maxLength: 128 },
              },
            },
          },
        },
      },
    },
  },
} as const;

/** The maximum size in bytes of a DDL from outside. */
export const largestDdl = 256 * 1024;

/**
 * The DDL that a node sent: accepted if it has the right shape and its schemas can be interpreted.
 * @throws Problem `bad-ddl`
 */
export function parseOutsideDdl(bytes: Uint8Array, origin: string): Ddl {
  if (bytes.length > largestDdl)
    throw new Problem('bad-ddl', `the DDL of ${origin} is larger than ${largestDdl} bytes`);
  const value = parseJsonObject(bytes, `the DDL of ${origin}`);
  const validate = validatorOf('ddl', ddlSchema);
  if (!validate(value)) {
    const [fault] = faultsOf(validate);
    throw new Problem('bad-ddl', `the DDL of ${origin}: ${formatPath(fault?.path ?? [])} ${fault?.message}`);
  }
  return takeOutsideDdl(value as unknown as Ddl, origin);
}

/** Marks a DDL as one from outside, and makes sure that every input of it can be interpreted. @throws Problem `bad-ddl` */
export function takeOutsideDdl(ddl: Ddl, origin: string): Ddl {
  const taken = { ...ddl, origin: 'outside' as const };
  for (const [name, action] of Object.entries(taken.actions)) {
    try {
      inputNames(action);
      inputValidatorOf(taken, name, action);
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause;
      throw new Problem('bad-ddl', `the DDL of ${origin}: action ${name}: ${cause.message}`, cause.hint, { cause });
    }
  }
  return taken;
}

import type { FromSchema } from 'json-schema-to-ts';

const path = { type: 'string', pattern: '^/', maxLength: 1024 } as const;

const argv = {
  type: 'array',
  items: { type: 'string', maxLength: 4096, pattern: '^[^\\u0000]*$' },
  minItems: 1,
  maxItems: 64,
} as const;

const application = {
  type: 'object',
  additionalProperties: false,
  required: ['root', 'artifacts'],
  properties: {
    root: { ...path, description: 'Holds releases/REVISION and the symbolic link “current”; must exist' },
    artifacts: { ...path, description: 'Holds NAME-REVISION.tar.gz and NAME-REVISION.tar.gz.sha256' },
    reload: { ...argv, description: 'Makes the service take up the release that “current” names' },
    restart: { ...argv, description: 'Restarts the service; what reloads it does when left out' },
    reload_timeout: { type: 'number', exclusiveMinimum: 0, maximum: 600, default: 30, description: 'Seconds' },
    health: {
      type: 'object',
      additionalProperties: false,
      required: ['url'],
      properties: {
        url: { type: 'string', pattern: '^https?://', maxLength: 2048 },
        timeout: { type: 'number', exclusiveMinimum: 0, maximum: 600, default: 10, description: 'Seconds' },
        steady: {
          type: 'number',
          minimum: 0,
          maximum: 600,
          default: 0.2,
          description: 'Seconds that it must stay healthy: right after a reload the old release may still answer',
        },
        body: {
          type: 'string',
          minLength: 1,
          maxLength: 256,
          description: 'What the first 4096 bytes of the answer must hold; {revision} stands for the revision',
        },
        status: { type: 'integer', minimum: 100, maximum: 599, description: 'Any of 200 to 299 when left out' },
      },
    },
    hooks: {
      type: 'object',
      additionalProperties: false,
      properties: {
        before: { ...argv, description: 'Runs in the new release before the switch; its failure changes nothing' },
        after: { ...argv, description: 'Runs when the release is healthy; its failure counts as bad health' },
      },
    },
    hook_timeout: { type: 'number', exclusiveMinimum: 0, maximum: 3600, default: 120, description: 'Seconds' },
    on_failure: {
      type: 'string',
      enum: ['return', 'stay'],
      default: 'return',
      description: 'What to do when the new release is not healthy: go back to the one before, or leave it',
    },
    keep: { type: 'integer', minimum: 2, maximum: 1000, default: 5, description: 'Releases to keep' },
    max_size: { type: 'integer', minimum: 1, default: 2147483648, description: 'Bytes of a release, unpacked' },
    max_entries: { type: 'integer', minimum: 1, maximum: 10000000, default: 100000 },
  },
} as const;

/** The section `appmgr` of node.yaml. */
export const appmgrConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['applications'],
  properties: {
    applications: {
      type: 'object',
      minProperties: 1,
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 64 },
      additionalProperties: application,
    },
  },
} as const;

export type AppmgrConfig = FromSchema<typeof appmgrConfigSchema>;

/** One application as the functions below take it. */
export type ApplicationConfig = FromSchema<typeof application> & { readonly name: string };

/** A command with at least its program, as the schema demands. */
export type Argv = [string, ...string[]];

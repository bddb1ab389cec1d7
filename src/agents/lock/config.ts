import type { FromSchema } from 'json-schema-to-ts';

/** The lock agent's section of node.yaml. */
export const lockConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_ttl: {
      description: 'Seconds: how long a lease may last without being renewed',
      type: 'integer',
      minimum: 5,
      maximum: 86_400,
      default: 600,
    },
    max_leases: {
      description: 'How many leases there may be at once',
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 256,
    },
  },
} as const;

export type LockConfig = FromSchema<typeof lockConfigSchema>;

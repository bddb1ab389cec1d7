import type { FromSchema } from 'json-schema-to-ts';

/** The jobs agent's section of node.yaml. */
export const jobsConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_running: {
      description: 'How many jobs may run at once',
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 32,
    },
    max_jobs: {
      description: 'How many outcomes are kept; the oldest are removed for a new one',
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 500,
    },
    max_output: {
      description: 'Bytes of output that are kept of a job; a larger one is left out',
      type: 'integer',
      minimum: 0,
      maximum: 1_048_576,
      default: 32_768,
    },
    keep: {
      description: 'Seconds that an outcome is kept',
      type: 'integer',
      minimum: 60,
      maximum: 2_592_000,
      default: 86_400,
    },
  },
} as const;

export type JobsConfig = FromSchema<typeof jobsConfigSchema>;

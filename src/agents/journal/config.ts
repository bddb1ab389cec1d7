import type { FromSchema } from 'json-schema-to-ts';

/** The journal agent's section of node.yaml. */
export const journalConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_runs: {
      description: 'How many runs may be stored; the oldest are removed for a new one',
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 200,
    },
    max_run_size: {
      description: 'Bytes that the journal of one run may take',
      type: 'integer',
      minimum: 4096,
      maximum: 1_073_741_824,
      default: 67_108_864,
    },
    max_size: {
      description: 'Bytes that all journals may take; the oldest are removed for a new one',
      type: 'integer',
      minimum: 4096,
      maximum: 17_179_869_184,
      default: 268_435_456,
    },
  },
} as const;

export type JournalConfig = FromSchema<typeof journalConfigSchema>;

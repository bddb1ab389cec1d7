import type { FromSchema } from 'json-schema-to-ts';

/** Discovery by a custom program: `discovery.exec` in client.yaml. */
export const execSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['command', 'timeout'],
  properties: {
    /** The program and its arguments; no shell is involved. */
    command: { type: 'array', minItems: 1, maxItems: 64, items: { type: 'string', minLength: 1, maxLength: 4096 } },
    /** Its timeout in seconds. */
    timeout: { type: 'number', exclusiveMinimum: 0, maximum: 300, default: 10 },
  },
} as const;

export type ExecSourceConfig = FromSchema<typeof execSourceSchema>;

import type { FromSchema } from 'json-schema-to-ts';

/** There is nothing to configure: the daemon decides where lists are stored. */
export const crlConfigSchema = { type: 'object', additionalProperties: false, properties: {} } as const;

export type CrlConfig = FromSchema<typeof crlConfigSchema>;

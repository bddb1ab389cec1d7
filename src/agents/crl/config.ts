import type { FromSchema } from 'json-schema-to-ts';

/** There is nothing to configure: where lists are kept is the daemon's business. */
export const crlConfigSchema = { type: 'object', additionalProperties: false, properties: {} } as const;

export type CrlConfig = FromSchema<typeof crlConfigSchema>;

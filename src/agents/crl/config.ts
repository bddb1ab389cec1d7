import type { FromSchema } from 'json-schema-to-ts';

/** There is nothing to configure: where the list stands is the daemon's business (`tls.crl`). */
export const crlConfigSchema = { type: 'object', additionalProperties: false, properties: {} } as const;

export type CrlConfig = FromSchema<typeof crlConfigSchema>;

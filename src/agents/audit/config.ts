import type { FromSchema } from 'json-schema-to-ts';

/** There is nothing to configure: the log belongs to the daemon. */
export const auditConfigSchema = { type: 'object', additionalProperties: false, properties: {} } as const;

export type AuditConfig = FromSchema<typeof auditConfigSchema>;

import type { FromSchema } from 'json-schema-to-ts';

/** There is nothing to configure: the agent returns what the daemon knows. */
export const rpcutilConfigSchema = { type: 'object', additionalProperties: false, properties: {} } as const;

export type RpcutilConfig = FromSchema<typeof rpcutilConfigSchema>;

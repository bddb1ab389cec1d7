import type { FromSchema } from 'json-schema-to-ts';
import { absolutePath } from '../../core/ddl/patterns.ts';

/** The section `config` of node.yaml. */
export const configConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    socket: {
      description: 'Where the helper listens that writes the files for an unprivileged daemon',
      type: 'string',
      pattern: absolutePath,
      maxLength: 100,
      default: '/run/mco-deploy-config.sock',
    },
  },
} as const;

export type ConfigConfig = FromSchema<typeof configConfigSchema>;

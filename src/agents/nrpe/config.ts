import type { FromSchema } from 'json-schema-to-ts';

/** The nrpe agent's section of node.yaml. */
export const nrpeConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    config: {
      description: 'The file with the definitions of commands',
      type: 'string',
      pattern: '^/[^\\x00]*$',
      maxLength: 4096,
      default: '/etc/nagios/nrpe.cfg',
    },
    timeout: {
      description: 'Seconds that a check may take, whatever command_timeout in nrpe.cfg says',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 60,
    },
  },
} as const;

export type NrpeConfig = FromSchema<typeof nrpeConfigSchema>;

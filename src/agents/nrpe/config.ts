import type { FromSchema } from 'json-schema-to-ts';
import { absolutePath } from '../../core/ddl/patterns.ts';
import { commandPattern } from './ddl.ts';

const path = { type: 'string', pattern: absolutePath, maxLength: 4096 } as const;

const daemon = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'tls', 'commands'],
  description: 'An NRPE daemon that runs the checks instead of this daemon',
  properties: {
    host: { type: 'string', pattern: '^[A-Za-z0-9.:-]+$', maxLength: 255 },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 5666 },
    tls: {
      type: 'string',
      enum: ['verified', 'anonymous', 'none'],
      description: 'anonymous is what an NRPE daemon without a certificate speaks: encrypted, but nobody is proven',
    },
    ca_file: { ...path, description: 'PEM: who issued the daemon’s certificate' },
    server_name: { type: 'string', pattern: '^[A-Za-z0-9.-]+$', maxLength: 255, description: 'In the certificate' },
    certificate_file: { ...path, description: 'PEM: what this side proves itself with' },
    key_file: path,
    packet: { type: 'integer', enum: [2, 3, 4], default: 4, description: 'Version of the protocol’s packets' },
    commands: {
      type: 'array',
      minItems: 1,
      maxItems: 1000,
      items: { type: 'string', pattern: commandPattern, maxLength: 128 },
      description: 'What may be asked for: the protocol cannot list what there is',
    },
  },
} as const;

/** The nrpe agent's section of node.yaml. */
export const nrpeConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    config: { ...path, description: 'The file with the definitions of commands', default: '/etc/nagios/nrpe.cfg' },
    timeout: {
      description: 'Seconds that a check may take, whatever command_timeout in nrpe.cfg says',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 60,
    },
    arguments: {
      description: 'Commands that take arguments of a caller: a regex (RE2, for the whole of it) for each argument',
      type: 'object',
      maxProperties: 1000,
      propertyNames: { type: 'string', pattern: commandPattern },
      additionalProperties: {
        type: 'array',
        minItems: 1,
        maxItems: 16,
        items: { type: 'string', minLength: 1, maxLength: 200 },
      },
    },
    daemon,
  },
} as const;

export type NrpeConfig = FromSchema<typeof nrpeConfigSchema>;
export type NrpeDaemon = FromSchema<typeof daemon>;

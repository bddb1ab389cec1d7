import type { FromSchema } from 'json-schema-to-ts';
import { consulSourceSchema } from '../consul/config.ts';
import { execSourceSchema } from '../exec/config.ts';
import { puppetdbSourceSchema } from '../puppetdb/config.ts';
import { sqlSourceSchema } from '../sql/config.ts';

/** A DNS domain below which the nodes are listed. */
export const domainSchema = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63}){0,15}$',
  maxLength: 200,
} as const;

/** The settings of the sources that list nodes elsewhere, by their names. */
export const sourceSectionSchemas = {
  exec: execSourceSchema,
  consul: consulSourceSchema,
  puppetdb: puppetdbSourceSchema,
  sql: sqlSourceSchema,
} as const;

/** `relay.sources` in node.yaml: where a relay looks for its peers. */
export const relaySourcesSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...sourceSectionSchemas,
    dns: {
      type: 'object',
      additionalProperties: false,
      required: ['domain'],
      properties: {
        domain: domainSchema,
        /** The server to ask, if not the system's: `ADDRESS` or `ADDRESS:PORT`. */
        server: { type: 'string', minLength: 1, maxLength: 100 },
      },
    },
  },
} as const;

export type RelaySources = FromSchema<typeof relaySourcesSchema>;

import type { FromSchema } from 'json-schema-to-ts';

const file = { type: 'string', minLength: 1, maxLength: 4096 } as const;

/** Discovery by PuppetDB: `discovery.puppetdb` in client.yaml. */
export const puppetdbSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'facts'],
  properties: {
    url: { type: 'string', pattern: '^https?://[^\\s]+$', maxLength: 400 },
    /** Facts to request: they save a connection to nodes that they rule out. */
    facts: {
      type: 'array',
      maxItems: 32,
      items: { type: 'string', pattern: '^[a-zA-Z0-9_]+(\\.[a-zA-Z0-9_]+)*$', maxLength: 200 },
      default: [],
    },
    /** A custom query in PQL, instead of the one by `facts`; each row needs a `certname`. */
    query: { type: 'string', minLength: 1, maxLength: 10_000 },
    /** The port of the nodes, if not 5810. */
    port: { type: 'integer', minimum: 1, maximum: 65_535 },
    ca: file,
    certificate: file,
    key: file,
  },
} as const;

export type PuppetdbSourceConfig = FromSchema<typeof puppetdbSourceSchema>;

import type { FromSchema } from 'json-schema-to-ts';

const file = { type: 'string', minLength: 1, maxLength: 4096 } as const;
const word = { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,128}$' } as const;

/** Discovery from the catalogue of Consul: `discovery.consul` in client.yaml. */
export const consulSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'service'],
  properties: {
    /** Of an agent or a server of Consul. */
    url: { type: 'string', pattern: '^https?://[^\\s]+$', maxLength: 400, default: 'http://127.0.0.1:8500' },
    /** The service under which the nodes are registered. */
    service: { ...word, default: 'mco-deploy' },
    datacenter: word,
    /** Only instances with this tag. */
    tag: { type: 'string', minLength: 1, maxLength: 200 },
    /** Appended to a name in Consul that has no dot: web1 becomes web1.example.net. */
    domain: { type: 'string', pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$', maxLength: 200 },
    /** A file with the ACL token. */
    token_file: file,
    ca: file,
    certificate: file,
    key: file,
  },
} as const;

export type ConsulSourceConfig = FromSchema<typeof consulSourceSchema>;

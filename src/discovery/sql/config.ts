import type { FromSchema } from 'json-schema-to-ts';

const file = { type: 'string', minLength: 1, maxLength: 4096 } as const;

/** Discovery from a custom database: `discovery.sql` in client.yaml. */
export const sqlSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'query', 'timeout'],
  properties: {
    /** `sqlite:FILE` or `postgres://USER@HOST/DATABASE`. A password belongs in a file. */
    url: { type: 'string', pattern: '^(sqlite:.+|postgres(ql)?://.+)$', maxLength: 1000 },
    /** One statement that returns a `name` for each row, and optionally `address`, `port`, and facts. */
    query: { type: 'string', minLength: 1, maxLength: 20_000 },
    password_file: file,
    /** The authority of PostgreSQL's certificate: with it, the connection is TLS and the server is proven. */
    ca: file,
    certificate: file,
    key: file,
    /** Seconds that the query may take. */
    timeout: { type: 'number', exclusiveMinimum: 0, maximum: 300, default: 10 },
  },
} as const;

export type SqlSourceConfig = FromSchema<typeof sqlSourceSchema>;

/** One row of the query's result, by column. */
export type Row = Readonly<Record<string, unknown>>;

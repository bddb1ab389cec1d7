import { argv, seconds } from '../schema-parts.ts';

/** The health check of an application: over HTTP, by a TCP connection, or by a command. */
export const healthSchema = {
  type: 'object',
  additionalProperties: false,
  oneOf: [
    { required: ['url'], properties: { url: true } },
    { required: ['tcp'], properties: { tcp: true } },
    { required: ['command'], properties: { command: true } },
  ],
  properties: {
    url: { type: 'string', pattern: '^https?://', maxLength: 2048 },
    host: {
      type: 'string',
      maxLength: 255,
      pattern: '^[A-Za-z0-9.:\\[\\]_-]+$',
      description:
        'The virtual host that is asked for, where it is not the one in the URL: in the header Host and for TLS',
    },
    headers: {
      type: 'object',
      description: 'Headers of the request',
      maxProperties: 32,
      propertyNames: { type: 'string', pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", maxLength: 100 },
      additionalProperties: { type: 'string', maxLength: 4096, pattern: '^[\\t\\x20-\\x7e]*$' },
    },
    tcp: {
      type: 'string',
      description: 'HOST:PORT that must accept a connection',
      maxLength: 255,
      pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$',
    },
    command: { ...argv, description: 'Exit code 0 means healthy; {revision} stands for the revision' },
    timeout: { ...seconds(600, 10), description: 'Seconds within which it must be healthy' },
    steady: {
      type: 'number',
      minimum: 0,
      maximum: 600,
      default: 0.2,
      description: 'Seconds that it must stay healthy: right after a reload the old release may still answer',
    },
    body: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description: 'What the first 4096 bytes of the answer must contain; {revision} stands for the revision',
    },
    status: { type: 'integer', minimum: 100, maximum: 599, description: 'Any of 200 to 299 when left out' },
  },
} as const;

import type { FromSchema } from 'json-schema-to-ts';
import { absolutePath } from '../../core/ddl/patterns.ts';

export const formats = ['json', 'form', 'slack', 'mattermost', 'teams', 'ntfy', 'pushover', 'boxcar'] as const;

const path = { type: 'string', pattern: absolutePath, maxLength: 1024 } as const;
const url = { type: 'string', pattern: '^https?://[!-~]+$', maxLength: 2048 } as const;
const texts = {
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 4096 },
  maxProperties: 32,
} as const;

const endpoint = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url,
    format: {
      type: 'string',
      enum: formats,
      description:
        'json when left out; json and form post “fields”, the others post the form of the service of that name',
    },
    fields: {
      ...texts,
      description:
        'What is posted; {id} {subject} {message} {recipient} {address} {priority} {node} {caller} {time} are filled in',
    },
    headers: {
      ...texts,
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
      additionalProperties: { type: 'string', pattern: '^[ -~]*$', maxLength: 4096 },
    },
    token_file: { ...path, description: 'Sent as a bearer token; to pushover, as the application’s' },
    ca_file: { ...path, description: 'PEM; the system’s authorities when left out' },
    secret_file: { ...path, description: 'Signs the body: X-Mco-Signature: sha256=HMAC' },
  },
} as const;

const command = {
  type: 'object',
  additionalProperties: false,
  required: ['argv'],
  properties: {
    argv: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      items: { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[^\\x00]+$' },
      description: 'Run without a shell, with the message as JSON on its standard input',
    },
  },
} as const;

const smtp = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'from'],
  properties: {
    host: { type: 'string', pattern: '^[A-Za-z0-9.:-]+$', maxLength: 255 },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 25 },
    from: { type: 'string', pattern: '^[A-Za-z0-9._+=~-]+@[A-Za-z0-9.-]+$', maxLength: 320 },
    tls: {
      type: 'string',
      enum: ['none', 'opportunistic', 'required', 'implicit'],
      default: 'opportunistic',
      description: 'opportunistic takes any certificate, as mail servers do; required and implicit verify it',
    },
    ca_file: { ...path, description: 'PEM; the system’s authorities when left out' },
    user: { type: 'string', minLength: 1, maxLength: 320 },
    password_file: path,
    domains: {
      type: 'array',
      items: { type: 'string', pattern: '^[a-z0-9.-]+$' },
      description: 'The only domains that mail may go to; any when left out',
    },
  },
} as const;

/** The section `angelia` of node.yaml. */
export const angeliaConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    smtp,
    webhooks: {
      type: 'object',
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' },
      additionalProperties: { anyOf: [url, endpoint] },
    },
    push: {
      type: 'object',
      description: 'Services by the scheme of their recipients: boxcar, ntfy, …',
      propertyNames: { type: 'string', pattern: '^[a-z][a-z0-9+.-]*$' },
      additionalProperties: endpoint,
    },
    commands: {
      type: 'object',
      description: 'Programs by the names that exec:NAME has',
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' },
      additionalProperties: command,
    },
    timeout: { type: 'number', exclusiveMinimum: 0, maximum: 300, default: 10, description: 'Seconds a try may take' },
    retry: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        first: { type: 'number', exclusiveMinimum: 0, default: 5, description: 'Seconds until the second try' },
        longest: { type: 'number', exclusiveMinimum: 0, maximum: 86400, default: 900, description: 'Seconds' },
        age: { type: 'number', exclusiveMinimum: 0, default: 86400, description: 'Seconds until it is given up' },
      },
    },
    max_queued: { type: 'integer', minimum: 1, maximum: 100000, default: 1000 },
  },
} as const;

export type AngeliaConfig = FromSchema<typeof angeliaConfigSchema>;
export type SmtpConfig = FromSchema<typeof smtp>;
export type EndpointConfig = FromSchema<typeof endpoint>;
export type CommandConfig = FromSchema<typeof command>;

import type { FromSchema } from 'json-schema-to-ts';

const line = { type: 'string', maxLength: 511, pattern: '^[A-Za-z0-9_.:-]+(/[A-Za-z0-9_.:-]+)?$' } as const;

/** The haproxy agent's section of node.yaml; times are seconds. */
export const haproxyConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    sockets: {
      description: 'Runtime API of each HAProxy process: an absolute path, or HOST:PORT; each with “level admin”',
      type: 'array',
      items: { type: 'string', minLength: 2, maxLength: 255, pattern: '^(/[^\\x00]*|[^\\s/]+:[0-9]{1,5})$' },
      minItems: 1,
      maxItems: 32,
      uniqueItems: true,
      default: ['/run/haproxy/admin.sock'],
    },
    servers: {
      description:
        'The server lines that lead to a node, where HAProxy has neither its name nor its address: SERVER or BACKEND/SERVER, or a list of these',
      type: 'object',
      additionalProperties: { anyOf: [line, { type: 'array', items: line, minItems: 1, maxItems: 1000 }] },
      default: {},
    },
    ports: {
      description: 'The ports that are meant where a host carries several applications; none: all',
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: 65535 },
      maxItems: 64,
      uniqueItems: true,
      default: [],
    },
    min_available: {
      description: 'Servers of a backend that must be left when some are taken out',
      type: 'integer',
      minimum: 0,
      maximum: 10000,
      default: 1,
    },
    drain_timeout: {
      description: 'How long sessions may take to end before a server goes into maintenance all the same',
      type: 'number',
      minimum: 0,
      maximum: 60,
      default: 5,
    },
    replaced_timeout: {
      description:
        'How long the processes that a reload replaced may take to end: they may send requests to a host that is taken out',
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 60,
    },
    replaced_left: {
      description: 'Whether a host is taken out while such a process is left: “refuse”, or only “report” it',
      enum: ['refuse', 'report'],
      default: 'refuse',
    },
    enable_timeout: {
      description: 'How long a server may take to pass its checks',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 60,
      default: 10,
    },
    settle: {
      description:
        'How long to wait before a change is checked again, where a server has an agent-check; longer than the time between its checks',
      type: 'number',
      minimum: 0,
      maximum: 30,
      default: 0.5,
    },
    watch_interval: {
      description: 'How often to see whether a reload or anything else put in what is held out',
      type: 'number',
      minimum: 0.01,
      maximum: 60,
      default: 1,
    },
    timeout: {
      description: 'How long HAProxy may take to answer one command',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 30,
      default: 3,
    },
  },
} as const;

export type HaproxyConfig = FromSchema<typeof haproxyConfigSchema>;

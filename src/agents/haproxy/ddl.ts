import { defineDdl } from '../../core/ddl.ts';

const backend = {
  description: 'The backend, as HAProxy names it',
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^[A-Za-z0-9_.:-]+$',
} as const;

const server = {
  description: 'Nodes or servers, separated by commas',
  type: 'string',
  minLength: 1,
  maxLength: 16384,
  pattern: '^[A-Za-z0-9_.:-]+(,[A-Za-z0-9_.:-]+)*$',
} as const;

const names = { type: 'array', items: { type: 'string' } } as const;

const changeOutput = {
  type: 'object',
  additionalProperties: false,
  required: ['backend', 'changed', 'unchanged', 'available'],
  properties: {
    backend: { type: 'string' },
    changed: { ...names, description: 'Servers whose state was changed (in a dry run: would be)' },
    unchanged: { ...names, description: 'Servers that were already as asked' },
    available: { type: 'integer', description: 'Usable servers that the backend has then' },
  },
} as const;

export const haproxyDdl = defineDdl({
  name: 'haproxy',
  description: 'Takes servers out of a load balancer’s traffic and puts them back',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    list: {
      description: 'Backends with their servers, and which backends hold all the servers asked for',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: { server } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['backends', 'holding'],
        properties: {
          backends: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'servers'],
              properties: { name: { type: 'string' }, servers: names },
            },
          },
          holding: { ...names, description: 'Backends that hold all the servers asked for' },
        },
      },
    },
    status: {
      description: 'What HAProxy says of a backend’s servers',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, required: ['backend'], properties: { backend, server } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['backend', 'ready', 'out', 'servers'],
        properties: {
          backend: { type: 'string' },
          ready: { type: 'boolean', description: 'Whether all servers asked for take traffic' },
          out: { ...names, description: 'Servers asked for that take none' },
          servers: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'server', 'address', 'status', 'check', 'sessions', 'in_rotation'],
              properties: {
                name: { type: 'string', description: 'As asked for, else HAProxy’s name' },
                server: { type: 'string', description: 'HAProxy’s name' },
                address: { type: 'string' },
                status: { type: 'string', description: 'As “show stat” has it' },
                check: { type: 'string', description: 'What the last check said' },
                sessions: { type: 'integer' },
                since: { type: 'integer', description: 'Taken out then (milliseconds since the epoch)' },
                caller: { type: 'string', description: 'By whom' },
                run: { type: 'string', description: 'In which run' },
                in_rotation: { type: 'boolean', description: 'Whether it takes traffic' },
              },
            },
          },
        },
      },
    },
    disable: {
      description: 'Lets the sessions of servers end, then puts them into maintenance',
      kind: 'change',
      repeatable: true,
      timeout: 120,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['backend', 'server'],
        properties: {
          backend,
          server,
          min_available: {
            description: 'Usable servers that must be left; the node’s configuration decides when not given',
            type: 'integer',
            minimum: 0,
            maximum: 10000,
          },
        },
      },
      output: changeOutput,
    },
    enable: {
      description: 'Puts servers back into traffic once a fresh health check has passed',
      kind: 'change',
      repeatable: true,
      timeout: 120,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['backend', 'server'],
        properties: { backend, server },
      },
      output: changeOutput,
    },
  },
});

import { defineDdl } from '../../core/ddl/ddl.ts';
import { leaseNamePattern } from '../../core/request/lease.ts';

const name = {
  type: 'string',
  description: 'The lease, such as bravo',
  pattern: leaseNamePattern,
  maxLength: 200,
  'x-display-as': 'Lease',
} as const;

const fence = {
  type: 'integer',
  description: 'The number that was given when the lease was taken',
  minimum: 1,
  maximum: 9_007_199_254_740_991,
  'x-display-as': 'Fence',
} as const;

const ttl = {
  type: 'integer',
  description: 'Seconds that the lease lives unless it is renewed',
  minimum: 1,
  maximum: 86_400,
} as const;

const holder = {
  caller: { type: 'string', description: 'Who holds it', 'x-display-as': 'Caller' },
  run: { type: 'string', description: 'For which run', 'x-display-as': 'Run' },
  from: { type: 'string', description: 'From where, as the holder says', 'x-display-as': 'From' },
  since: {
    type: 'integer',
    description: 'Milliseconds since the epoch',
    'x-unit': 'epoch-ms',
    'x-display-as': 'Since',
  },
} as const;

const change = { kind: 'change', repeatable: true, timeout: 10, display: 'failed' } as const;

export const lockDdl = defineDdl({
  name: 'lock',
  description: 'Keeps leases, so that two runs do not change the node at the same time',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    take: {
      ...change,
      description: 'Takes a lease for the run that asks; a run that holds it already takes it again',
      dryRun: true,
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'ttl'],
        properties: {
          name,
          ttl,
          from: { type: 'string', description: 'The machine and process that will hold it', maxLength: 200 },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'fence', 'since'],
        properties: { name, fence: { ...fence, minimum: 0 }, since: holder.since },
      },
    },
    renew: {
      ...change,
      description: 'Renews a lease',
      dryRun: false,
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'fence', 'ttl'],
        properties: { name, fence, ttl },
      },
      output: { type: 'object', additionalProperties: false, required: ['name'], properties: { name } },
    },
    release: {
      ...change,
      description: 'Releases a lease; one that has already ended is not an error',
      dryRun: false,
      input: { type: 'object', additionalProperties: false, required: ['name', 'fence'], properties: { name, fence } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['released'],
        properties: { released: { type: 'boolean', 'x-display-as': 'Released' } },
      },
    },
    break: {
      ...change,
      description: 'Ends a lease of any holder: the holder is refused from then on',
      dryRun: false,
      input: { type: 'object', additionalProperties: false, required: ['name'], properties: { name } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['broken'],
        properties: { broken: { type: 'boolean', 'x-display-as': 'Broken' }, ...holder },
      },
    },
    list: {
      description: 'The leases that are held now',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['leases'],
        properties: {
          leases: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'fence', 'caller', 'run', 'from', 'since', 'left'],
              properties: {
                name,
                fence,
                ...holder,
                left: { type: 'integer', description: 'Seconds until it ends by itself' },
              },
            },
          },
        },
      },
    },
  },
});

import { defineDdl } from '../../core/ddl/ddl.ts';

const name = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 64 } as const;
const application = {
  ...name,
  description: 'The application',
  'x-application': true,
  'x-display-as': 'Application',
} as const;
const revision = {
  type: 'string',
  description: 'The revision',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._+~-]*$',
  maxLength: 128,
  'x-display-as': 'Revision',
} as const;
const ticketId = {
  type: 'string',
  description: 'SHA-256 of the signed ticket (hex)',
  pattern: '^[0-9a-f]{64}$',
  maxLength: 64,
} as const;
const bytes = { type: 'integer', minimum: 0 } as const;
const digest = { type: 'string', description: 'SHA-256 of the artifact (hex)' } as const;

/** An artifact that is complete on the node. */
const published = {
  type: 'object',
  additionalProperties: false,
  required: ['application', 'revision', 'sha256', 'size', 'at', 'by', 'signed'],
  properties: {
    application: { type: 'string' },
    revision: { type: 'string' },
    sha256: digest,
    size: { ...bytes, description: 'Bytes' },
    at: { type: 'integer', description: 'When it was complete here (milliseconds since the epoch)' },
    by: { type: 'string', description: 'The operator who published it, as policies write it' },
    signed: { type: 'boolean', description: 'Whether a signature came with it' },
  },
} as const;

const fault = {
  type: 'object',
  additionalProperties: false,
  required: ['node', 'code', 'message'],
  properties: { node: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
} as const;

export const publishDdl = defineDdl({
  name: 'publish',
  description: 'Receives artifacts from operators and from other nodes, and keeps them for appmgr',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    prepare: {
      description: 'Checks the ticket of an artifact, the limits and the disk, and accepts the ticket',
      kind: 'change',
      repeatable: true,
      timeout: 60,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['ticket'],
        properties: {
          ticket: {
            type: 'string',
            description: 'A SignedTicket of proto/mco/v1/node.proto (Base64)',
            pattern: '^[A-Za-z0-9+/]+={0,2}$',
            maxLength: 524_288,
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['ticket', 'published', 'missing', 'ranges'],
        properties: {
          ticket: ticketId,
          published: {
            type: 'boolean',
            description: 'Whether the revision is complete here',
            'x-display-as': 'Published',
          },
          missing: { ...bytes, description: 'Chunks that the node lacks', 'x-display-as': 'Missing' },
          ranges: {
            type: 'array',
            description: 'Which chunks the node lacks',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['first', 'count'],
              properties: { first: bytes, count: bytes },
            },
          },
        },
      },
    },
    fetch: {
      description: 'Copies an accepted artifact from other nodes, verifies all of it, and publishes it to appmgr',
      kind: 'change',
      repeatable: true,
      timeout: 14_400,
      dryRun: false,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['ticket', 'sources'],
        properties: {
          ticket: ticketId,
          sources: {
            type: 'array',
            description: 'Nodes that hold it, in the order to ask; empty when the node has all parts',
            maxItems: 16,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['node', 'addresses'],
              properties: {
                node: { type: 'string', maxLength: 253 },
                addresses: {
                  type: 'array',
                  description: 'Where its identity was proven, as HOST:PORT',
                  maxItems: 8,
                  items: { type: 'string', maxLength: 300 },
                },
              },
            },
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['application', 'revision', 'sha256', 'size', 'changed', 'received', 'sources', 'rejected'],
        properties: {
          application: { type: 'string', 'x-display-as': 'Application' },
          revision: { type: 'string', 'x-display-as': 'Revision' },
          sha256: { ...digest, 'x-display-as': 'SHA-256' },
          size: { ...bytes, 'x-display-as': 'Size' },
          changed: {
            type: 'boolean',
            description: 'False when it was published here already',
            'x-display-as': 'Changed',
          },
          received: { ...bytes, description: 'Bytes that other nodes sent in this call', 'x-display-as': 'Received' },
          sources: {
            type: 'array',
            description: 'The nodes that sent them',
            items: { type: 'string' },
            'x-display-as': 'Sources',
          },
          rejected: {
            type: 'array',
            description: 'Nodes that sent nothing, and why',
            items: fault,
            'x-display-as': 'Rejected',
          },
        },
      },
    },
    list: {
      description: 'The published artifacts on the node, and what is being received',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: { application } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['takes', 'published', 'receiving', 'used', 'free', 'max_total'],
        properties: {
          takes: {
            type: 'array',
            description: 'The applications whose artifacts the node takes',
            items: { type: 'string' },
            'x-display-as': 'Takes',
          },
          published: { type: 'array', description: 'The newest first', items: published, 'x-display-as': 'Published' },
          receiving: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['sha256', 'size', 'have'],
              properties: { sha256: digest, size: bytes, have: { ...bytes, description: 'Bytes that are here' } },
            },
            'x-display-as': 'Receiving',
          },
          used: { ...bytes, description: 'Bytes of all artifacts', 'x-display-as': 'Used' },
          free: { ...bytes, description: 'Bytes free on the disk', 'x-display-as': 'Free' },
          max_total: { ...bytes, description: 'Bytes that artifacts may take', 'x-display-as': 'Limit' },
        },
      },
    },
    prune: {
      description: 'Removes published artifacts; what appmgr has unpacked stays',
      kind: 'change',
      repeatable: true,
      timeout: 60,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['application', 'keep'],
        properties: {
          application,
          keep: { type: 'integer', description: 'How many of the newest stay', minimum: 0, maximum: 1000 },
          held: {
            type: 'array',
            description: 'Revisions that stay in any case, such as the one that serves',
            items: revision,
            maxItems: 64,
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['removed', 'freed'],
        properties: {
          removed: {
            type: 'array',
            description: 'Revisions',
            items: { type: 'string' },
            'x-display-as': 'Removed',
          },
          freed: { ...bytes, description: 'Bytes', 'x-display-as': 'Freed' },
        },
      },
    },
  },
});

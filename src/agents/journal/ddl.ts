import { defineDdl } from '../../core/ddl/ddl.ts';

const run = { type: 'string', description: 'The run', pattern: '^[0-9a-f]{32}$', 'x-display-as': 'Run' } as const;

const sequence = {
  type: 'integer',
  description: 'How many lines the node has',
  minimum: 0,
  maximum: 9_007_199_254_740_991,
  'x-display-as': 'Lines',
} as const;

const line = {
  type: 'object',
  additionalProperties: false,
  required: ['text', 'signature'],
  properties: {
    text: { type: 'string', description: 'JSON; exactly these bytes are signed', maxLength: 600_000 },
    signature: { type: 'string', description: 'Signature of the operator who wrote it, Base64', maxLength: 2000 },
  },
} as const;

const lines = { type: 'array', description: 'Lines, in order', items: line } as const;

const hash = {
  type: 'string',
  description: 'SHA-256 (hex) of the last line; the audit log has only this',
  pattern: '^([0-9a-f]{64})?$',
} as const;

const read = { kind: 'read', repeatable: true, timeout: 20, dryRun: false, display: 'always' } as const;

export const journalDdl = defineDdl({
  name: 'journal',
  description: 'Stores the journals of runs, so that a run can be seen and resumed from any machine',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    append: {
      description: 'Stores lines of the journal of the run that asks, which must hold the lease that its journal names',
      kind: 'change',
      repeatable: true,
      timeout: 10,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['after', 'lines', 'head'],
        properties: {
          after: { ...sequence, description: 'How many lines there are before these' },
          lines: { ...lines, maxItems: 2000, 'x-sensitive': true },
          head: hash,
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['sequence'],
        properties: { sequence },
      },
    },
    list: {
      ...read,
      description: 'The runs whose journals are stored here, the most recently written first',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          limit: { type: 'integer', description: 'Maximum number of lines', minimum: 1, maximum: 100, default: 20 },
          prefix: { type: 'string', description: 'Only runs whose ids begin with this', pattern: '^[0-9a-f]{0,32}$' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['runs'],
        properties: {
          runs: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['run', 'sequence', 'bytes', 'at'],
              properties: {
                run,
                sequence,
                bytes: { type: 'integer', description: 'Size on the disk' },
                at: { type: 'integer', description: 'When it was last written to: milliseconds since the epoch' },
              },
            },
          },
        },
      },
    },
    read: {
      ...read,
      description: 'The lines of the journal of a run',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['run'],
        properties: { run, after: { ...sequence, description: 'How many lines are known already', default: 0 } },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['sequence', 'lines'],
        properties: { sequence, lines: { ...lines, description: 'As many as fit into a reply' } },
      },
    },
  },
});

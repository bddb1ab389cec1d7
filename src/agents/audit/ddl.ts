import { defineDdl } from '../../core/ddl/ddl.ts';

const id = { type: 'string', pattern: '^[0-9a-f]{32}$' } as const;
const time = {
  type: 'string',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2})$',
} as const;
const lines = { type: 'array', items: { type: 'string' } } as const;
const read = { kind: 'read', repeatable: true, timeout: 60, dryRun: false, display: 'always' } as const;

export const auditDdl = defineDdl({
  name: 'audit',
  description: "Reads and checks the node's own audit log",
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    records: {
      ...read,
      description: 'Returns records of the log exactly as written, with the certificates that verify them',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          run: { ...id, 'x-prompt': 'The id of a run' },
          request: { ...id, 'x-prompt': 'The id of a request' },
          since: { ...time, 'x-prompt': 'Not before this time (ISO 8601)' },
          after: { type: 'integer', minimum: 0, 'x-prompt': 'Only records after this sequence number' },
          limit: { type: 'integer', minimum: 1, maximum: 1000, default: 200, 'x-prompt': 'The most records to return' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['lines', 'certificates', 'next'],
        properties: {
          lines: { ...lines, 'x-display-as': 'Records' },
          certificates: {
            ...lines,
            description: 'Records that contain the certificates',
            'x-display-as': 'Certificates',
          },
          next: {
            type: 'integer',
            description: 'The value of “after” for the next page; 0: there is none',
            'x-display-as': 'Next',
          },
        },
      },
    },
    acknowledge: {
      kind: 'change',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      description:
        'Ends the warnings about an audit log that was moved away, removed, cut or changed by another program',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          head: {
            type: 'string',
            pattern: '^\\d{1,16}:[0-9a-f]{64}$',
            'x-prompt': 'The end of the log that the caller knew and forgets, as SEQUENCE:HASH',
          },
          reason: { type: 'string', maxLength: 500, 'x-prompt': 'What was found out, for the record' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['acknowledged'],
        properties: { acknowledged: { type: 'integer', 'x-display-as': 'Acknowledged' } },
      },
    },
    verify: {
      ...read,
      timeout: 600,
      description: 'Checks every signature and the chain of the whole log, as the node sees it',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['holds', 'records', 'files', 'end', 'fault'],
        properties: {
          holds: { type: 'boolean', 'x-display-as': 'Holds' },
          records: { type: 'integer', 'x-display-as': 'Records' },
          files: { ...lines, 'x-display-as': 'Files' },
          end: { type: 'string', description: 'SEQUENCE:HASH of the last record', 'x-display-as': 'End' },
          fault: { type: 'string', description: 'The first record that is wrong', 'x-display-as': 'Fault' },
        },
      },
      aggregate: [{ function: 'summary', output: 'holds' }],
    },
  },
});

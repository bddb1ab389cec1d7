import { defineDdl } from '../../core/ddl/ddl.ts';
import { fileKinds } from '../../core/node-files/kinds.ts';

const kind = {
  type: 'string',
  enum: fileKinds,
  description: 'What the file is for: there is a right for each',
} as const;
const name = { type: 'string', maxLength: 80, pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]*$' } as const;
const sum = { type: 'string', maxLength: 64, pattern: '^([0-9a-f]{64})?$' } as const;
const digest = { type: 'string', description: 'SHA-256 over all files', 'x-display-as': 'Digest' } as const;
const instance = { type: 'string', description: 'This run of the daemon', 'x-display-as': 'Daemon' } as const;

export const configDdl = defineDdl({
  name: 'config',
  description: 'Changes the files of the configuration; a change that nobody confirms within a minute is undone',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    status: {
      description: 'Returns the sums of the files, and which change waits for confirmation',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['instance', 'digest', 'pending', 'returned', 'why', 'files'],
        properties: {
          instance,
          digest,
          pending: { type: 'string', description: 'The change that waits for confirmation', 'x-display-as': 'Waiting' },
          returned: {
            type: 'string',
            description: 'The last change that was undone',
            'x-display-as': 'Taken back',
          },
          why: { type: 'string', description: 'Why it was undone', 'x-display-as': 'Reason' },
          files: {
            type: 'array',
            description: 'Every file that has a kind',
            'x-display-as': 'Files',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['kind', 'name', 'sha256', 'applied'],
              properties: {
                kind,
                name,
                sha256: sum,
                applied: { type: 'boolean', description: 'Whether nobody has changed it since it was applied' },
              },
            },
          },
        },
      },
    },
    files: {
      description: 'Returns the files with their contents',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'ok',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['instance', 'digest', 'directory', 'manifest', 'files'],
        properties: {
          instance,
          digest,
          directory: { type: 'string', description: 'Where they are', 'x-display-as': 'Directory' },
          manifest: { type: 'string', description: 'What was applied: the sums of the files by their paths, as JSON' },
          files: {
            type: 'array',
            'x-display-as': 'Files',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['kind', 'name', 'content'],
              properties: { kind, name, content: { type: 'string' } },
            },
          },
        },
      },
    },
    apply: {
      description: 'Replaces files; a change that is not confirmed within a minute is undone',
      kind: 'change',
      repeatable: false,
      timeout: 60,
      dryRun: true,
      display: 'always',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['previous', 'sums', 'files'],
        properties: {
          previous: { ...sum, description: 'The digest of the files that the operator saw' },
          sums: {
            type: 'array',
            maxItems: 500,
            description: 'The SHA-256 of each file, for the audit log; empty for one that is removed',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['kind', 'name', 'sha256'],
              properties: { kind, name, sha256: sum },
            },
          },
          files: {
            type: 'array',
            minItems: 1,
            maxItems: 500,
            description: 'The files; null removes one',
            'x-sensitive': true,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['kind', 'name', 'content'],
              properties: { kind, name, content: { type: ['string', 'null'], maxLength: 524_288 } },
            },
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['change', 'effect', 'digest', 'until'],
        properties: {
          change: { type: 'string', description: 'The change to confirm', 'x-display-as': 'Change' },
          effect: { type: 'string', enum: ['at-once', 'reload', 'restart'], 'x-display-as': 'Effect' },
          digest: { type: 'string', description: 'SHA-256 over all files afterwards', 'x-display-as': 'Digest' },
          until: { type: 'string', description: 'Until when it must be confirmed', 'x-display-as': 'Until' },
        },
      },
    },
    confirm: {
      description: 'Keeps a change, as the operator who made it can still reach the node',
      kind: 'change',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['change'],
        properties: { change: { type: 'string', maxLength: 32, pattern: '^[0-9a-f]{32}$' } },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['change', 'confirmed'],
        properties: { change: { type: 'string' }, confirmed: { type: 'boolean', 'x-display-as': 'Confirmed' } },
      },
    },
  },
});

import { defineDdl } from '../../core/ddl/ddl.ts';

const lists = {
  type: 'array',
  description: 'The newest list of each trusted CA',
  'x-display-as': 'Lists',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['issuer', 'number', 'this_update', 'next_update', 'revoked'],
    properties: {
      issuer: { type: 'string', description: 'Fingerprint (SHA-256) of the CA’s certificate' },
      number: { type: 'integer', description: 'The CRL number: a newer list has a higher one' },
      this_update: { type: 'string' },
      next_update: { type: 'string' },
      revoked: { type: 'integer', description: 'How many certificates it names' },
    },
  },
} as const;

export const crlDdl = defineDdl({
  name: 'crl',
  description: 'Accepts newer revocation lists of the CA of the fleet, and returns which one is in force',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    status: {
      kind: 'read',
      repeatable: true,
      timeout: 5,
      dryRun: false,
      display: 'always',
      description: 'Returns which revocation lists are in force',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: { type: 'object', additionalProperties: false, required: ['lists'], properties: { lists } },
    },
    install: {
      kind: 'change',
      repeatable: true,
      timeout: 20,
      dryRun: true,
      display: 'always',
      description: 'Puts a newer revocation list in force; only one that a trusted CA signed, and never an older one',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['crl'],
        properties: {
          // A message holds 1 MiB: some fifteen thousand revocations fit. Longer lists come in parts.
          crl: {
            type: 'string',
            minLength: 1,
            maxLength: 900_000,
            description: 'One list or several, in PEM, or a part of that',
            'x-prompt': 'The list in PEM',
          },
          digest: {
            type: 'string',
            pattern: '^[0-9a-f]{64}$',
            maxLength: 64,
            description: 'SHA-256 of the whole in hex, where it comes in parts: it takes effect with the last of them',
          },
          part: { type: 'integer', minimum: 1, maximum: 32, description: 'Which part this is, from 1' },
          parts: { type: 'integer', minimum: 1, maximum: 32, description: 'How many parts there are' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['changed', 'lists'],
        properties: { changed: { type: 'boolean', 'x-display-as': 'Changed' }, lists },
      },
      aggregate: [{ function: 'summary', output: 'changed' }],
    },
  },
});

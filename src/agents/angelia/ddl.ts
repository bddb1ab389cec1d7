import { defineDdl } from '../../core/ddl/ddl.ts';

export const priorities = ['low', 'normal', 'high'] as const;

const messageId = { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$' } as const;
const seconds = { type: 'integer', description: 'Seconds' } as const;

const letter = {
  id: messageId,
  recipient: { type: 'string' },
  subject: { type: 'string' },
  age: { ...seconds, description: 'Seconds since it was accepted' },
  attempts: { type: 'integer' },
  reason: { type: 'string', description: 'Why the last try failed' },
} as const;

const letters = {
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['id', 'recipient', 'subject', 'age', 'attempts', 'reason'],
    properties: letter,
  },
} as const;

const waiting = {
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['id', 'recipient', 'subject', 'age', 'attempts', 'reason', 'next'],
    properties: { ...letter, next: { ...seconds, description: 'Seconds until the next try' } },
  },
} as const;

export const angeliaDdl = defineDdl({
  name: 'angelia',
  description: 'Notifies people: by mail, by webhook, by push service, by a program',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  aliases: ['angelianotify'],
  actions: {
    sendmsg: {
      description: 'Accepts a message for delivery, and delivers it at once where it can',
      kind: 'change',
      repeatable: true,
      timeout: 10,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['message', 'recipient'],
        properties: {
          message: {
            type: 'string',
            description: 'The text; it may have several lines',
            minLength: 1,
            maxLength: 32768,
            pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$',
            'x-display-as': 'Message',
          },
          subject: {
            type: 'string',
            description: 'One line',
            default: 'mco-deploy',
            maxLength: 255,
            pattern: '^[^\\u0000-\\u001f\\u007f\\u0085\\u2028\\u2029]*$',
            'x-display-as': 'Subject',
          },
          recipient: {
            type: 'string',
            description: 'mailto:ADDRESS, webhook:NAME, exec:NAME, or the scheme of a configured push service',
            maxLength: 512,
            pattern: '^[a-z][a-z0-9+.-]*:[!-~]+$',
            'x-display-as': 'Recipient',
          },
          priority: {
            type: 'string',
            description: 'Its importance, for receivers that distinguish it',
            enum: priorities,
            default: 'normal',
            'x-display-as': 'Priority',
          },
          hold: {
            type: 'integer',
            description:
              'Seconds to keep it and then send it, unless the run that asks repeats the call before that; 0 withdraws it',
            minimum: 0,
            maximum: 3600,
            'x-display-as': 'Hold',
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'delivered', 'queued'],
        properties: {
          id: { type: 'string', description: 'The same on every node and at every try', 'x-display-as': 'Id' },
          delivered: { type: 'boolean', 'x-display-as': 'Delivered' },
          queued: { type: 'boolean', description: 'Kept for another try', 'x-display-as': 'Queued' },
          held: { type: 'boolean', description: 'Kept until its run stops renewing it', 'x-display-as': 'Held' },
        },
      },
    },
    status: {
      description: 'How many messages wait, were delivered, or were given up',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['queued', 'delivered', 'dead', 'oldest'],
        properties: {
          queued: { type: 'integer', 'x-display-as': 'Queued' },
          delivered: { type: 'integer', description: 'In the last seven days', 'x-display-as': 'Delivered' },
          dead: { type: 'integer', description: 'Given up, and kept for inspection', 'x-display-as': 'Dead letters' },
          oldest: { type: 'integer', description: 'Seconds that the oldest one waits', 'x-display-as': 'Oldest (s)' },
        },
      },
      aggregate: [
        { function: 'sum', output: 'queued' },
        { function: 'sum', output: 'dead' },
      ],
    },
    queue: {
      description: 'Lists the messages that wait and the dead letters, the oldest 100 of each, without their text',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: {} },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['queued', 'dead'],
        properties: {
          queued: { ...waiting, 'x-display-as': 'Queued' },
          dead: { ...letters, 'x-display-as': 'Dead letters' },
        },
      },
    },
    retry: {
      description: 'Tries what waits now; a dead letter, named by its id, is put back into the queue',
      kind: 'change',
      repeatable: true,
      timeout: 10,
      dryRun: true,
      display: 'always',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: { id: { ...messageId, description: 'One message; default: all that wait' } },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['retried'],
        properties: { retried: { type: 'array', items: messageId, 'x-display-as': 'Retried' } },
      },
    },
  },
});

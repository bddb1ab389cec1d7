import { defineDdl } from '../../core/ddl/ddl.ts';

const application = {
  type: 'string',
  description: 'The application; optional where the node has only one',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  maxLength: 64,
  'x-application': true,
  'x-display-as': 'Application',
} as const;

const revision = {
  type: 'string',
  description: 'The revision, as in the name of its artifact',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._+~-]*$',
  maxLength: 128,
  'x-display-as': 'Revision',
} as const;

/** The output of an upgrade and a rollback. */
const switched = {
  type: 'object',
  additionalProperties: false,
  required: ['application', 'revision', 'previous', 'changed'],
  properties: {
    application: { type: 'string', 'x-display-as': 'Application' },
    revision: { type: 'string', description: 'The release that serves afterwards', 'x-display-as': 'Revision' },
    previous: {
      type: 'string',
      description: 'The release that served before; empty for none',
      'x-display-as': 'Previous',
    },
    changed: { type: 'boolean', 'x-display-as': 'Changed' },
  },
} as const;

/** The output of `status` for one application. */
const statusRequired = ['application', 'revision', 'healthy', 'health', 'releases', 'has_revision'] as const;
const statusProperties = {
  application: { type: 'string', 'x-display-as': 'Application' },
  revision: { type: 'string', description: 'What serves; empty for none', 'x-display-as': 'Revision' },
  previous: {
    type: 'string',
    description: 'What served before it; empty for none',
    'x-display-as': 'Previous',
  },
  healthy: { type: 'boolean', 'x-display-as': 'Healthy' },
  health: { type: 'string', 'x-display-as': 'Health' },
  releases: { type: 'array', items: { type: 'string' }, 'x-display-as': 'Releases' },
  has_revision: {
    type: 'boolean',
    description: 'Whether the requested revision is unpacked here or can be',
    'x-display-as': 'Has revision',
  },
  since: {
    type: 'integer',
    description: 'When it began to serve (milliseconds since the epoch); absent where that is not known',
    'x-display-as': 'Since',
    'x-unit': 'epoch-ms',
  },
  caller: { type: 'string', description: 'Who put it into service', 'x-display-as': 'By' },
  run: { type: 'string', description: 'The run that did; empty for a single call', 'x-display-as': 'Run' },
} as const;

export const appmgrDdl = defineDdl({
  name: 'appmgr',
  description: 'Puts releases of applications into service',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    upgrade: {
      description: 'Unpacks a verified release, switches to it, reloads the service and checks its health',
      kind: 'change',
      repeatable: true,
      timeout: 300,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['revision'],
        properties: { revision, application },
      },
      output: switched,
      aggregate: [{ function: 'summary', output: 'revision' }],
    },
    restart: {
      description: 'Restarts the service on the release that it has, and checks its health',
      kind: 'change',
      repeatable: true,
      timeout: 300,
      dryRun: true,
      display: 'failed',
      input: { type: 'object', additionalProperties: false, properties: { application } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['application', 'revision', 'health'],
        properties: {
          application: { type: 'string', 'x-display-as': 'Application' },
          revision: { type: 'string', description: 'What serves', 'x-display-as': 'Revision' },
          health: { type: 'string', description: 'In words; empty where nothing is checked', 'x-display-as': 'Health' },
        },
      },
    },
    fetch: {
      description: 'Copies a verified release to the node in advance, so that an upgrade to it is only a switch',
      kind: 'change',
      repeatable: true,
      timeout: 1800,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['revision'],
        properties: { revision, application },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['application', 'revision', 'changed'],
        properties: {
          application: { type: 'string', 'x-display-as': 'Application' },
          revision: { type: 'string', 'x-display-as': 'Revision' },
          changed: { type: 'boolean', description: 'False when it was here already', 'x-display-as': 'Changed' },
        },
      },
      aggregate: [{ function: 'summary', output: 'changed' }],
    },
    rollback: {
      description: 'Returns to a release that is still on the node: to the one that served before, or to a named one',
      kind: 'change',
      repeatable: true,
      timeout: 300,
      dryRun: true,
      display: 'failed',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          revision: { ...revision, description: 'The release to return to; default: the one that served before' },
          from: { ...revision, description: 'The release to leave; where another is in service, nothing is done' },
          application,
        },
      },
      output: switched,
      aggregate: [{ function: 'summary', output: 'revision' }],
    },
    releases: {
      description: 'The releases on the node, which of them serves, and what a rollback would go back to',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, properties: { application } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['application', 'revision', 'previous', 'unfinished', 'releases'],
        properties: {
          application: { type: 'string', 'x-display-as': 'Application' },
          revision: { type: 'string', description: 'What serves; empty for none', 'x-display-as': 'Revision' },
          previous: { type: 'string', description: 'What a rollback would go back to', 'x-display-as': 'Previous' },
          unfinished: {
            type: 'string',
            description: 'The release that was being activated when a call was cut off; empty for none',
            'x-display-as': 'Unfinished',
          },
          releases: {
            type: 'array',
            description: 'The oldest first',
            'x-display-as': 'Releases',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['revision', 'since', 'whole'],
              properties: {
                revision: { type: 'string' },
                since: {
                  type: 'integer',
                  description: 'Here since (milliseconds since the epoch); 0 for unknown',
                  'x-unit': 'epoch-ms',
                },
                whole: { type: 'boolean', description: 'False where appmgr did not finish unpacking it' },
              },
            },
          },
        },
      },
      aggregate: [{ function: 'summary', output: 'revision' }],
    },
    status: {
      description: 'The release that serves, its health, and the releases on the node',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          application,
          revision,
          all: { type: 'boolean', description: 'Each application of the node, in “applications”' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: [...statusRequired],
        properties: {
          ...statusProperties,
          applications: {
            type: 'array',
            description: 'The status of each application, where all were requested',
            'x-display-as': 'Applications',
            items: {
              type: 'object',
              additionalProperties: false,
              required: [...statusRequired],
              properties: statusProperties,
            },
          },
        },
      },
      aggregate: [{ function: 'summary', output: 'revision' }],
    },
  },
});

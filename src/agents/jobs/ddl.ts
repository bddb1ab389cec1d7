import { defineDdl } from '../../core/ddl/ddl.ts';

const id = {
  type: 'string',
  description: 'The id of the job: that of its request',
  pattern: '^[0-9a-f]{32}$',
  'x-display-as': 'Job',
} as const;

const state = {
  type: 'string',
  description: 'running, ok, failed, refused, cancelled; unknown where the daemon died while it ran',
  'x-display-as': 'State',
} as const;

const job = {
  id,
  agent: { type: 'string', description: 'The agent', 'x-display-as': 'Agent' },
  action: { type: 'string', description: 'The action', 'x-display-as': 'Action' },
  caller: { type: 'string', description: 'Who started it', 'x-display-as': 'Caller' },
  run: { type: 'string', description: 'The run that it belongs to; empty outside of one', 'x-display-as': 'Run' },
  state,
  began: { type: 'integer', description: 'Milliseconds since the epoch', 'x-display-as': 'Began' },
  ended: { type: 'integer', description: 'Milliseconds since the epoch; 0 while it runs', 'x-display-as': 'Ended' },
} as const;

const required = ['id', 'agent', 'action', 'caller', 'run', 'state', 'began', 'ended'] as const;

const list = {
  kind: 'read',
  repeatable: true,
  timeout: 10,
  dryRun: false,
  display: 'always',
  input: {
    type: 'object',
    additionalProperties: false,
    properties: {
      prefix: { type: 'string', description: 'Only jobs whose ids begin with this', pattern: '^[0-9a-f]{0,32}$' },
    },
  },
  output: {
    type: 'object',
    additionalProperties: false,
    required: ['jobs'],
    properties: {
      jobs: {
        type: 'array',
        description: 'The latest first',
        items: { type: 'object', additionalProperties: false, required, properties: job },
      },
    },
  },
} as const;

const one = { type: 'object', additionalProperties: false, required: ['id'], properties: { id } } as const;

const show = {
  kind: 'read',
  repeatable: true,
  timeout: 10,
  dryRun: false,
  display: 'always',
  input: one,
  output: {
    type: 'object',
    additionalProperties: false,
    required: [...required, 'status', 'code', 'message', 'progress', 'data', 'left_out'],
    properties: {
      ...job,
      status: { type: 'integer', description: 'The status of its reply' },
      code: { type: 'string', description: 'The code of its reply' },
      message: { type: 'string', description: 'The message of its reply', 'x-display-as': 'Message' },
      progress: { type: 'string', description: 'Its latest progress while it runs', 'x-display-as': 'Progress' },
      data: { type: 'object', description: 'Its output', 'x-display-as': 'Output' },
      left_out: { type: 'boolean', description: 'Whether its output was too large to be kept' },
    },
  },
} as const;

const cancel = {
  kind: 'change',
  repeatable: true,
  timeout: 20,
  dryRun: false,
  display: 'always',
  input: one,
  output: { type: 'object', additionalProperties: false, required: ['state'], properties: { state } },
} as const;

export const jobsDdl = defineDdl({
  name: 'jobs',
  description: 'Keeps calls that their callers do not wait for (rpc --detach), and their outcomes',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    list: { ...list, description: 'The jobs of the caller' },
    show: { ...show, description: 'A job of the caller, and its outcome' },
    cancel: { ...cancel, description: 'Cancels a job of the caller; one that has ended is not changed' },
    list_any: { ...list, description: 'The jobs of all callers' },
    show_any: { ...show, description: 'A job of any caller, and its outcome' },
    cancel_any: { ...cancel, description: 'Cancels a job of any caller' },
  },
});

import { defineDdl } from '../../core/ddl/ddl.ts';

const input = {
  type: 'object',
  additionalProperties: false,
  required: ['service'],
  properties: {
    service: {
      type: 'string',
      description: 'The unit of systemd; “.service” is added to a name without an ending',
      pattern: '^[A-Za-z0-9:_.@\\\\-]+$',
      maxLength: 255,
      'x-prompt': 'The service',
    },
  },
} as const;

const state = {
  service: { type: 'string', 'x-display-as': 'Service' },
  state: { type: 'string', description: 'As systemd names it: active, inactive, failed, …', 'x-display-as': 'State' },
  detail: { type: 'string', description: 'The state in more detail: running, dead, …', 'x-display-as': 'Detail' },
  enabled: {
    type: 'string',
    description: 'Whether it starts at boot: enabled, disabled, static, …',
    'x-display-as': 'Enabled',
  },
  pid: { type: 'integer', description: 'Its main process; 0 for none', 'x-display-as': 'Process' },
  since: {
    type: 'string',
    description: 'When it came into this state; empty where it never did',
    'x-display-as': 'Since',
  },
} as const;

const required = ['service', 'state', 'detail', 'enabled', 'pid', 'since'] as const;

const changed = {
  type: 'object',
  additionalProperties: false,
  required: [...required, 'changed'],
  properties: { ...state, changed: { type: 'boolean', 'x-display-as': 'Changed' } },
} as const;

/** What the actions that change a unit share. */
const change = {
  kind: 'change',
  repeatable: true,
  timeout: 660,
  dryRun: true,
  display: 'failed',
  input,
  output: changed,
  aggregate: [{ function: 'summary', output: 'state' }],
} as const;

export const serviceDdl = defineDdl({
  name: 'service',
  description: 'Starts, stops and restarts services of systemd that the node allows',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    status: {
      description: 'Returns the state of a service',
      kind: 'read',
      repeatable: true,
      timeout: 20,
      dryRun: false,
      display: 'always',
      input,
      output: { type: 'object', additionalProperties: false, required, properties: state },
      aggregate: [{ function: 'summary', output: 'state' }],
    },
    start: { ...change, description: 'Starts a service and waits until it is active' },
    stop: { ...change, description: 'Stops a service and waits until it is inactive' },
    restart: { ...change, description: 'Restarts a service, or starts it, and waits until it is active' },
    reload: { ...change, description: 'Has a service read its configuration again, and checks that it stays active' },
    enable: { ...change, description: 'Has a service start at boot' },
    disable: { ...change, description: 'Has a service not start at boot' },
  },
});

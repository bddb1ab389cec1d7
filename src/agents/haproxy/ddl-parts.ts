/** Parts that the actions' schemas share or are too long to stand among them. */
export const backend = {
  description: 'The backend, as HAProxy names it',
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^[A-Za-z0-9_.:-]+$',
} as const;

export const server = {
  description: 'Nodes or servers, separated by commas',
  type: 'string',
  minLength: 1,
  maxLength: 16384,
  pattern: '^[A-Za-z0-9_.:-]+(,[A-Za-z0-9_.:-]+)*$',
} as const;

export const names = { type: 'array', items: { type: 'string' } } as const;

export const changed = {
  backend: { type: 'string' },
  changed: { ...names, description: 'Servers that were changed (in a dry run: would be)' },
  unchanged: { ...names, description: 'Servers that were already as asked' },
  available: { type: 'integer', description: 'Usable servers that the backend has then' },
} as const;

export const changeOutput = {
  type: 'object',
  additionalProperties: false,
  required: ['backend', 'changed', 'unchanged', 'available'],
  properties: changed,
} as const;

export const minAvailable = {
  description: 'Usable servers that must be left; the node’s configuration decides when not given',
  type: 'integer',
  minimum: 0,
  maximum: 10000,
} as const;

export const serverState = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'server', 'address', 'status', 'check', 'sessions', 'weight', 'in_rotation'],
  properties: {
    name: { type: 'string', description: 'As asked for, else HAProxy’s name' },
    server: { type: 'string', description: 'HAProxy’s name' },
    address: { type: 'string' },
    status: { type: 'string', description: 'As “show stat” has it' },
    check: { type: 'string', description: 'What the last check said' },
    sessions: { type: 'integer' },
    weight: { type: 'integer' },
    since: { type: 'integer', description: 'Taken out then (milliseconds since the epoch)' },
    caller: { type: 'string', description: 'By whom' },
    run: { type: 'string', description: 'In which run' },
    in_rotation: { type: 'boolean', description: 'Whether it takes traffic' },
  },
} as const;

export const processInfo = {
  type: 'object',
  additionalProperties: false,
  required: ['socket', 'version', 'pid', 'uptime'],
  properties: {
    socket: { type: 'string' },
    version: { type: 'string' },
    pid: { type: 'integer' },
    uptime: { type: 'integer', description: 'Seconds' },
    started: { type: 'integer', description: 'Seconds since the epoch; told by HAProxy 2.4 and later' },
  },
} as const;

export const serverWeight = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'server', 'weight', 'initial'],
  properties: {
    name: { type: 'string', description: 'As asked for' },
    server: { type: 'string', description: 'HAProxy’s name' },
    weight: { type: 'integer' },
    initial: { type: 'integer', description: 'What HAProxy’s configuration gives' },
  },
} as const;

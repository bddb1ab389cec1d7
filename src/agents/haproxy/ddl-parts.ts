/** Parts that the actions' schemas share or are too long to stand among them. */
const backend = {
  description: 'Backends, separated by commas; left out, every one that leads to the hosts',
  type: 'string',
  minLength: 1,
  maxLength: 4096,
  pattern: '^[A-Za-z0-9_.:-]+(,[A-Za-z0-9_.:-]+)*$',
} as const;

const server = {
  description: 'Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines',
  type: 'string',
  minLength: 1,
  maxLength: 16384,
  pattern: '^[A-Za-z0-9_.:-]+(,[A-Za-z0-9_.:-]+)*$',
} as const;

const port = {
  description: 'Only the lines with these ports, separated by commas; the node’s configuration decides when not given',
  type: 'string',
  maxLength: 255,
  pattern: '^[0-9]{1,5}(,[0-9]{1,5})*$',
} as const;

/** The subject of a call. */
export const scope = { backend, server, port } as const;

export const names = { type: 'array', items: { type: 'string' } } as const;

const lines = { ...names, description: 'BACKEND/SERVER of every line that is meant' } as const;
const stillServing = {
  ...names,
  description:
    'BACKEND/SERVER beside these that still sends it requests, and any HAProxy process without a socket here',
} as const;
const sessionsLeft = {
  type: 'integer',
  description: 'Sessions that did not end in time, and may still send it requests',
} as const;
const outSince = {
  type: 'integer',
  description: 'Since when it has been out without a break (milliseconds since the epoch)',
  'x-unit': 'epoch-ms',
} as const;

export const listedHosts = {
  type: 'array',
  description: 'The hosts asked for that a line leads to',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'backends', 'lines'],
    properties: { name: { type: 'string' }, backends: names, lines: names },
  },
} as const;

export const changed = {
  backend: { type: 'string', description: 'The backends that are meant, separated by commas' },
  changed: { ...names, description: 'Hosts that were changed (in a dry run: would be)' },
  unchanged: { ...names, description: 'Hosts that were already as asked' },
  available: { type: 'integer', description: 'Usable servers that remain, in the backend with the fewest' },
} as const;

const changedHosts = {
  type: 'array',
  description: 'Each host with its lines',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'lines', 'still_serving'],
    properties: {
      name: { type: 'string' },
      lines,
      still_serving: stillServing,
      out_since: outSince,
      sessions_left: sessionsLeft,
    },
  },
} as const;

export const changeOutput = {
  type: 'object',
  additionalProperties: false,
  required: ['backend', 'changed', 'unchanged', 'available', 'hosts'],
  properties: { ...changed, hosts: changedHosts },
} as const;

export const minAvailable = {
  description: 'Usable servers that must be left in each backend; the node’s configuration decides when not given',
  type: 'integer',
  minimum: 0,
  maximum: 10000,
} as const;

const lineState = {
  type: 'object',
  additionalProperties: false,
  required: ['line', 'socket', 'address', 'status', 'check', 'sessions', 'weight', 'in_rotation'],
  properties: {
    line: { type: 'string', description: 'BACKEND/SERVER' },
    socket: { type: 'string', description: 'Of which HAProxy process' },
    address: { type: 'string' },
    status: { type: 'string' },
    check: { type: 'string' },
    sessions: { type: 'integer' },
    weight: { type: 'integer' },
    in_rotation: { type: 'boolean' },
  },
} as const;

const holdBreak = {
  type: 'object',
  additionalProperties: false,
  required: ['at', 'socket', 'line', 'cause', 'where'],
  properties: {
    at: { type: 'integer', description: 'When it was noticed (milliseconds since the epoch)', 'x-unit': 'epoch-ms' },
    socket: { type: 'string' },
    line: { type: 'string', description: 'BACKEND/SERVER' },
    cause: { type: 'string', description: 'What put it back into traffic' },
    where: { type: 'string', description: 'Where that can be seen' },
  },
} as const;

const firstOf = 'of the first line that takes no traffic, else of the first';

export const serverState = {
  type: 'object',
  additionalProperties: false,
  required: [
    'name',
    'server',
    'address',
    'status',
    'check',
    'sessions',
    'weight',
    'in_rotation',
    'serving',
    'still_serving',
    'lines',
  ],
  properties: {
    name: { type: 'string', description: 'The host: as asked for, else HAProxy’s name' },
    server: { type: 'string', description: 'HAProxy’s name, or names' },
    address: { type: 'string', description: `Address and port, ${firstOf}` },
    status: { type: 'string', description: `As “show stat” has it, ${firstOf}` },
    check: { type: 'string', description: `What the check said that keeps it out, else the last one, ${firstOf}` },
    sessions: { type: 'integer', description: 'On all lines together' },
    weight: { type: 'integer' },
    since: {
      type: 'integer',
      description: 'When it was taken out (milliseconds since the epoch)',
      'x-unit': 'epoch-ms',
    },
    caller: { type: 'string', description: 'The caller who did it' },
    run: { type: 'string', description: 'In which run' },
    out_since: outSince,
    breaks: { type: 'array', description: 'What put it in while it was held out; the latest', items: holdBreak },
    in_rotation: {
      type: 'boolean',
      description: 'Whether all its lines take traffic, save for those with a configured weight of 0',
    },
    serving: { type: 'integer', description: 'How many of its lines take traffic' },
    still_serving: stillServing,
    lines: { type: 'array', items: lineState },
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
    started: {
      type: 'integer',
      description: 'Seconds since the epoch; reported by HAProxy 2.4 and later',
      'x-unit': 'epoch-s',
    },
  },
} as const;

export const serverWeight = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'server', 'weight', 'initial'],
  properties: {
    name: { type: 'string', description: 'As asked for' },
    server: { type: 'string', description: 'HAProxy’s name; BACKEND/SERVER where several lines lead to it' },
    weight: { type: 'integer' },
    initial: { type: 'integer', description: 'What HAProxy’s configuration gives' },
  },
} as const;

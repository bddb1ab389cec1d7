import type { FromSchema } from 'json-schema-to-ts';

const name = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' } as const;
const text = { type: 'string', minLength: 1, maxLength: 4096 } as const;
const facts = {
  description: 'Facts of the host, for filters and policies',
  type: 'object',
  maxProperties: 256,
  propertyNames: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
  additionalProperties: { type: ['string', 'number', 'boolean'] },
} as const;
const nameList = { type: ['string', 'array'], minLength: 1, items: name, maxItems: 64, uniqueItems: true } as const;

const operator = {
  description: 'all, read, or the applications that the operator deploys and the kinds of files that they apply',
  type: ['string', 'object'],
  additionalProperties: false,
  properties: {
    deploy: { ...nameList, description: 'Applications to publish, upgrade and roll back' },
    apply: { ...nameList, description: 'Kinds of files to apply: settings, policies, facts, classes, checks, hooks' },
  },
} as const;

const host = {
  description: 'The role of the host, or its role with how it is reached',
  type: ['string', 'object', 'array'],
  items: name,
  required: ['role'],
  additionalProperties: false,
  properties: {
    role: { type: ['string', 'array'], description: 'One of “roles”', items: name },
    address: { ...text, description: 'Where the node listens, HOST or HOST:PORT; without it, ssh knows the host' },
    ssh: { ...text, description: '[USER@]HOST[:PORT], as ssh knows the host; without it, its address or its name' },
    facts,
  },
} as const;

const role = {
  type: 'object',
  additionalProperties: false,
  properties: {
    agents: {
      description: 'Agents to enable, each with its settings; rpcutil, lock, crl, audit and config always are',
      type: 'object',
      additionalProperties: { type: 'object' },
      default: {},
    },
    settings: {
      description: 'Other settings of node.yaml (docs/daemon.md)',
      type: 'object',
      default: {},
    },
    facts: { ...facts, default: {} },
    classes: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,128}$' },
      maxItems: 256,
      default: [],
    },
    checks: {
      description: 'NRPE checks: each a command line, as in nrpe.cfg',
      type: 'object',
      maxProperties: 1000,
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,100}$' },
      additionalProperties: { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[^\\n\\r\\u0000]+$' },
      default: {},
    },
    hooks: {
      description: 'Scripts to copy to hooks/, by their paths from here; an application runs them with its interpreter',
      type: 'array',
      items: text,
      maxItems: 64,
      default: [],
    },
    policies: {
      description:
        'For an agent, or default: rules that come before those of “operators” (a list), or the whole policy (text)',
      type: 'object',
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
      additionalProperties: { type: ['string', 'array'], items: text, maxItems: 2000 },
      default: {},
    },
    groups: {
      description: 'Names for lists of operators, for rules',
      type: 'object',
      propertyNames: { type: 'string', pattern: '^[A-Za-z_][\\w.-]{0,127}$' },
      additionalProperties: { type: 'array', minItems: 1, items: text },
      default: {},
    },
    relay: { description: 'Whether its hosts relay for others', type: 'boolean', default: false },
  },
  required: ['agents', 'settings', 'facts', 'classes', 'checks', 'hooks', 'policies', 'groups', 'relay'],
} as const;

const upgrade = {
  description: 'How “mco-deploy upgrade APPLICATION REVISION” proceeds; an option of the command line wins',
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    strategy: { type: 'string', enum: ['auto', 'parallel', 'rolling', 'canary'] },
    batch: { type: ['string', 'integer'], description: 'Servers at a time: 2, 25%, or 1,2,50%' },
    soak: { ...text, description: 'How long the first batch must prove itself, such as 5m' },
    on_failure: { type: 'string', enum: ['stop', 'rollback'] },
    min_available: { type: 'integer', minimum: 0 },
    backend: { ...text, description: 'HAProxy backends; without it, each that leads to the servers' },
    checks: {
      type: 'array',
      items: name,
      description: 'NRPE checks that each server must pass; without it, all “checks” of its role',
    },
    notify: { type: ['string', 'boolean'], description: 'A recipient, or false; without it, “notify” of the fleet' },
  },
} as const;

/** fleet.yaml, without the sections of agents, the settings of node.yaml and appmgr's settings of an application. */
export const fleetSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['operators', 'hosts', 'roles'],
  properties: {
    operators: { type: 'object', minProperties: 1, additionalProperties: operator },
    notify: { ...text, description: 'Who is notified of upgrades, such as mailto:ops@example.net' },
    ssh: {
      description: 'How hosts are reached that are not nodes yet',
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        user: text,
        identity: { ...text, description: 'The private key to log in with' },
        config: { ...text, description: 'The configuration file of ssh' },
        service: { ...text, description: 'systemd, none, or the path of an init script there' },
        accept_new_host_keys: { type: 'boolean' },
      },
    },
    hosts: { type: 'object', minProperties: 1, additionalProperties: host },
    roles: { type: 'object', minProperties: 1, propertyNames: name, additionalProperties: role },
    applications: {
      type: 'object',
      default: {},
      propertyNames: name,
      additionalProperties: {
        type: 'object',
        required: ['role', 'upgrade'],
        properties: {
          role: { ...name, description: 'The role of the hosts that it runs on' },
          upgrade,
        },
      },
    },
  },
} as const;

export type FleetDocument = FromSchema<typeof fleetSchema>;

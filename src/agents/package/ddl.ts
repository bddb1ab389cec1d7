import { defineDdl } from '../../core/ddl/ddl.ts';

const name = {
  type: 'string',
  description: 'The package',
  pattern: '^[A-Za-z0-9][A-Za-z0-9+._-]*$',
  maxLength: 200,
  'x-prompt': 'The package',
} as const;

const version = {
  type: 'string',
  description: 'The version, as the package manager writes it; the newest when left out',
  pattern: '^[A-Za-z0-9][A-Za-z0-9+.:~^_-]*$',
  maxLength: 200,
} as const;

const refresh = {
  type: 'boolean',
  description: 'Fetch the lists of packages first',
  default: false,
} as const;

const packages = {
  type: 'array',
  description: 'What was changed, or would be',
  'x-display-as': 'Packages',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['package', 'from', 'to'],
    properties: {
      package: { type: 'string' },
      from: { type: 'string', description: 'The version that was installed; empty for none' },
      to: { type: 'string', description: 'The version that is installed then' },
    },
  },
} as const;

const changed = {
  type: 'object',
  additionalProperties: false,
  required: ['changed', 'packages', 'reboot_required'],
  properties: {
    changed: { type: 'boolean', 'x-display-as': 'Changed' },
    packages,
    reboot_required: {
      type: 'boolean',
      description: 'Whether the system asks for a reboot to finish updates',
      'x-display-as': 'Reboot required',
    },
  },
} as const;

/** The common parts of actions that change packages. */
const change = {
  kind: 'change',
  repeatable: true,
  timeout: 1800,
  dryRun: true,
  display: 'failed',
  output: changed,
  aggregate: [{ function: 'summary', output: 'changed' }],
} as const;

export const packageDdl = defineDdl({
  name: 'package',
  description: 'Installs and updates those packages of the system that the node allows, by apt or dnf',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    status: {
      description: 'Returns the version of a package that is installed, and the newest one on offer',
      kind: 'read',
      repeatable: true,
      timeout: 60,
      dryRun: false,
      display: 'always',
      input: { type: 'object', additionalProperties: false, required: ['package'], properties: { package: name } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['package', 'installed', 'candidate'],
        properties: {
          package: { type: 'string', 'x-display-as': 'Package' },
          installed: { type: 'string', description: 'Empty when it is not installed', 'x-display-as': 'Installed' },
          candidate: { type: 'string', description: 'Empty when none is on offer', 'x-display-as': 'Candidate' },
        },
      },
      aggregate: [{ function: 'summary', output: 'installed' }],
    },
    updates: {
      description: 'Returns which of the allowed packages have updates, or security updates',
      kind: 'read',
      repeatable: true,
      timeout: 300,
      dryRun: false,
      display: 'always',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: { security: { type: 'boolean', description: 'Only security updates', default: false } },
      },
      output: { type: 'object', additionalProperties: false, required: ['packages'], properties: { packages } },
    },
    install: {
      ...change,
      description: 'Installs a package, or changes it to a version',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['package'],
        properties: { package: name, version, refresh },
      },
    },
    update: {
      ...change,
      description: 'Updates a package that is installed to a version, or all allowed packages that have updates',
      input: {
        type: 'object',
        additionalProperties: false,
        properties: {
          package: { ...name, description: 'The package; all that the node allows when left out' },
          version,
          security: { type: 'boolean', description: 'Without a package: only security updates', default: false },
          refresh,
        },
      },
    },
  },
});

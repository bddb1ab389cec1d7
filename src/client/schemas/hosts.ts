/** The output of commands about hosts, artifacts and generated files with --json. */
import { anyObject, count, flag, list, object, oneOf, orNull, text, texts } from './parts.ts';

const failed = { node: text, host: text, state: { const: 'failed' }, code: text, message: text, hint: text };

const agentDdl = { ...anyObject, description: 'The description of an agent (docs/external-agents.md)' };

const fileChange = object({
  path: text,
  before: { ...orNull(text), description: 'The file as it is; null where there is none' },
  after: { ...orNull(text), description: 'The file as it would be; null where it goes' },
});

/** A host that apply has checked, changed, or left alone. */
const appliedHost = {
  anyOf: [
    object({
      host: text,
      way: oneOf('ssh', 'fabric'),
      state: oneOf('planned', 'incomplete', 'unchanged'),
      others: texts,
      files: list(fileChange),
      kept: list(fileChange),
      effect: oneOf('nothing', 'reload', 'restart'),
      warnings: texts,
    }),
    object({ host: text, way: oneOf('ssh', 'fabric'), state: { const: 'changed' }, warnings: texts }),
    object({ host: text, state: { const: 'untouched' } }),
    object({ host: text, state: { const: 'failed' }, code: text, message: text, hint: text }),
  ],
};

export const hostSchemas = {
  apply: object({ hosts: list(appliedHost) }),
  install: list({
    anyOf: [
      object({
        node: text,
        host: text,
        state: oneOf('installed', 'unchanged', 'planned', 'incomplete'),
        pending: flag,
        changes: texts,
        kept: texts,
        warnings: texts,
        fingerprint: orNull(text),
        version: orNull(text),
      }),
      object(failed),
    ],
  }),
  uninstall: list({
    anyOf: [
      object({ node: text, host: text, state: oneOf('planned', 'removed'), removed: texts, stopped: flag }),
      object(failed),
    ],
  }),
  'fleet-check': object({
    file: text,
    hosts: list(object({ host: text, role: text })),
    applications: list(object({ application: text, role: text, clusters: texts })),
    operators: texts,
    warnings: texts,
    locks_out: list(object({ host: text, why: text })),
  }),
  'fleet-import': object({ fleet: { ...text, description: 'fleet.yaml' }, file: orNull(text) }),
} as const;

export const writingSchemas = {
  doc: agentDdl,
  'doc-list': list(object({ name: text, version: text, description: text })),
  explain: object({ code: text, meaning: text, fix: text }),
  'explain-list': texts,
  'playbook-list': list(object({ name: text, description: text })),
  'playbook-check': {
    description: 'Of a playbook, or of a script (.mc)',
    anyOf: [
      object({ name: text, file: text, inputs: texts, nodes: texts, steps: count }),
      object({ name: text, file: text, inputs: texts, agents: texts }),
    ],
  },
  'playbook-docs': {
    description: 'Of a playbook, or of a script (.mc)',
    anyOf: [
      object({ name: text, description: text, inputs: anyObject, nodes: anyObject, steps: list(anyObject) }),
      object({ name: text, description: text, inputs: anyObject, resources: list(anyObject) }),
    ],
  },
} as const;

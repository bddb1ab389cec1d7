import { type Ddl, defineDdl } from '../../../src/core/ddl/ddl.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../src/playbook/run/start-context.ts';
import type { Fabric } from './fabric.ts';

const action = {
  description: 'for tests',
  timeout: 5,
  display: 'always',
  repeatable: true,
  output: {
    type: 'object',
    additionalProperties: false,
    properties: {
      number: { type: 'integer' },
      text: { type: 'string' },
      list: { type: 'array', items: { type: 'string' } },
      secret: { type: 'string', 'x-sensitive': true },
      pin: { type: 'string', 'x-sensitive': true },
    },
  },
} as const;

/** An agent for tests of the engine: it reads, changes, does what must not be repeated, and takes inputs of several kinds. */
export const labDdl: Ddl = defineDdl({
  name: 'thing',
  description: 'for tests',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  aliases: ['otherthing'],
  actions: {
    look: { ...action, kind: 'read', dryRun: false, input: { type: 'object', additionalProperties: false } },
    change: {
      ...action,
      kind: 'change',
      dryRun: true,
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['to'],
        properties: {
          to: { type: 'string', pattern: '^[a-z0-9]+$' },
          count: { type: 'integer', minimum: 0 },
          token: { type: 'string', 'x-sensitive': true },
        },
      },
    },
    blind: { ...action, kind: 'change', dryRun: false, input: { type: 'object', additionalProperties: false } },
    once: {
      ...action,
      kind: 'change',
      dryRun: true,
      repeatable: false,
      input: { type: 'object', additionalProperties: false },
    },
  },
});

/** A playbook around steps: one set `all` of the nodes that run `thing`. Steps are indented by two spaces. */
export function playbookText(steps: string, rest = ''): string {
  return `name: test\nnodes:\n  all:\n    agents: [thing]\nsteps:\n${steps}\n${rest}\n`;
}

export function load(text: string) {
  return loadPlaybook({ text, name: 'test.yaml' }, [labDdl]);
}

/** Loads and runs steps on a fabric. */
export async function runText(
  text: string,
  fabric: Fabric,
  inputs: Readonly<Record<string, unknown>> = {},
  options: RunOptions = {},
) {
  const playbook = await load(text);
  return runPlaybook(playbook, bindInputs(playbook, inputs), fabric.ports, options);
}

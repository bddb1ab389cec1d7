import { testProblem } from '../test-problem.ts';
import { EventEmitter } from 'node:events';
import { type AgentEntry, defineHandlers } from '../../../src/core/agent.ts';
import { defineDdl } from '../../../src/core/ddl/ddl.ts';

const none = { type: 'object', additionalProperties: false, properties: {} } as const;
const shared = { description: 'for tests', repeatable: true, timeout: 5, display: 'always', dryRun: false } as const;

/** An agent whose actions do what a test of the pipeline needs. */
const ddl = defineDdl({
  name: 'probe',
  description: 'for tests',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  aliases: ['sonde'],
  actions: {
    echo: {
      ...shared,
      kind: 'read',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['text'],
        properties: { text: { type: 'string', maxLength: 1000 }, secret: { type: 'string', 'x-sensitive': true } },
      },
      output: {
        type: 'object',
        required: ['text'],
        additionalProperties: false,
        properties: { text: { type: 'string' } },
      },
    },
    count: {
      ...shared,
      kind: 'change',
      input: { ...none, properties: { secret: { type: 'string', 'x-sensitive': true } } },
      output: {
        type: 'object',
        required: ['count'],
        additionalProperties: false,
        properties: { count: { type: 'integer' } },
      },
    },
    strangers: {
      ...shared,
      kind: 'read',
      input: none,
      output: {
        type: 'object',
        required: ['strangers'],
        additionalProperties: false,
        properties: { strangers: { type: 'integer' } },
      },
    },
    hang: { ...shared, kind: 'change', timeout: 1, input: none, output: none },
    fail: { ...shared, kind: 'read', input: none, output: none },
    crash: { ...shared, kind: 'read', input: none, output: none },
    wait: { ...shared, kind: 'change', timeout: 30, input: none, output: none },
    watch: { ...shared, kind: 'read', timeout: 30, input: none, output: none },
  },
});

/** The number of runs of `count`, over all nodes of this process. */
export const counted = { times: 0 };
/** Calls of `wait` that run now; each ends when it is called. */
export const waiting: (() => void)[] = [];
/** Emits `count`, `wait` and `watch` when these actions are called, and `unwatched` when `watch` is cancelled. */
export const probeCalls = new EventEmitter();

export const probeAgent: AgentEntry = {
  ddl,
  config: none,
  load:
    async () =>
    async ({ node }) => ({
      handlers: defineHandlers(ddl, {
        echo: async ({ text, secret }) => ({
          text: secret === undefined ? text : `${text} and ${secret.length} hidden letters`,
        }),
        count: async () => {
          counted.times++;
          probeCalls.emit('count');
          return { count: counted.times };
        },
        strangers: async () => ({ strangers: (await node.info()).counters.strangers ?? 0 }),
        hang: (_input, { signal, progress }) =>
          new Promise((_resolve, reject) => {
            progress('hanging about');
            signal.addEventListener('abort', () => reject(testProblem('gave-up', 'the probe gave up')), { once: true });
          }),
        fail: async () => {
          throw testProblem('broken', 'the probe is broken', 'fix it');
        },
        crash: async () => {
          throw new TypeError('a bug with /secret/paths in it');
        },
        wait: (_input, { signal }) =>
          new Promise((resolve, reject) => {
            waiting.push(() => resolve({}));
            signal.addEventListener('abort', () => reject(testProblem('gave-up', 'the probe gave up')), { once: true });
            probeCalls.emit('wait');
          }),
        watch: (_input, { signal }) =>
          new Promise((_resolve, reject) => {
            const end = () => {
              probeCalls.emit('unwatched');
              reject(testProblem('gave-up', 'the probe gave up'));
            };
            signal.addEventListener('abort', end, { once: true });
            probeCalls.emit('watch');
          }),
      }),
    }),
};

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import { tryBatch } from '../../../../src/playbook/call/attempts.ts';
import type { StepCall } from '../../../../src/playbook/call/step-call.ts';

const reply = (node: string, data: object = {}): Outcome => ({
  ...{ node, outcome: 'ok', status: 0, code: '', message: '', hint: '', data: data as Outcome['data'], elapsed: 1 },
});

/** One try of an action with two sensitive outputs on a and b. @param outcomes what the nodes reply */
async function tryOnce(
  outcomes: readonly Outcome[],
  {
    kind = 'change',
    timeout,
    secrets = [],
    tries = 1,
  }: { kind?: string; timeout?: number; secrets?: readonly string[]; tries?: number } = {},
) {
  const [sent, events, changes]: [object[], { type: string }[], string[]] = [[], [], []];
  const properties = { key: { 'x-sensitive': true }, token: { 'x-sensitive': true } };
  const run = {
    runId: 'run1',
    ports: {
      emit: (event: { type: string }) => events.push(event),
      call: async (call: object) => {
        sent.push(call);
        return outcomes;
      },
    },
    journal: async () => {},
    changes: { lastRequestId: '' },
    resumed: { noteChange: () => changes.push('changed') },
    taint: { texts: new Map(secrets.map((text) => [text, 1])), brief: new Map() },
    sensitiveOutput: { seen: false },
    signal: new AbortController().signal,
    kill: new AbortController().signal,
  };
  const ddl = { kind, repeatable: true, output: { properties } };
  const plan = { agent: 'thing', action: 'do', title: 'thing#do', ddl, timeout, tries, trySleep: 0, passes: 1 };
  const call = { plan, input: {}, shown: {}, requestId: 'id1', dryRun: false, run, step: { id: 'go' } };
  const result = await tryBatch(call as unknown as StepCall, ['a', 'b'], 0, 1);
  return { result, sent, events, changes, run };
}

describe('one try of a call', () => {
  test('has one outcome for each of its nodes, silence included, and none of other nodes', async () => {
    const { result } = await tryOnce([reply('c'), reply('a')]);
    assert.deepEqual(
      result.replies.map(({ node, outcome }) => [node, outcome]),
      [
        ['a', 'ok'],
        ['b', 'no-response'],
      ],
    );
  });

  test('counts as a change of the run only if its action changes something', async () => {
    const both = [reply('a'), reply('b')];
    assert.deepEqual((await tryOnce(both)).changes, ['changed']);
    assert.deepEqual((await tryOnce(both, { kind: 'read' })).changes, []);
    assert.equal((await tryOnce(both)).run.changes.lastRequestId, 'id1');
  });

  test('has the number after that of the try before', async () => {
    const { sent } = await tryOnce([reply('b')], { tries: 4 });
    const numbered = sent.map((one) => 'try' in one && 'nodes' in one && [one.try, one.nodes]);
    assert.deepEqual(numbered, [
      [1, ['a', 'b']],
      [2, ['a']],
      [3, ['a']],
      [4, ['a']],
    ]);
  });

  test('has the time limit of its step, or leaves it to the client', async () => {
    const both = [reply('a'), reply('b')];
    assert.equal((await tryOnce(both, { timeout: 7000 })).sent.map((one) => 'timeout' in one && one.timeout)[0], 7000);
    assert.equal('timeout' in ((await tryOnce(both)).sent[0] ?? {}), false);
  });

  test('is shown reply by reply, without secrets', async () => {
    const { events } = await tryOnce([reply('a', { word: 'my secret' }), reply('b')], { secrets: ['secret'] });
    const shown = events.filter(({ type }) => type === 'outcome') as unknown as { node: string; data: object }[];
    assert.deepEqual(
      shown.map(({ node, data }) => [node, data]),
      [
        ['a', { word: 'my (hidden)' }],
        ['b', {}],
      ],
    );
  });

  test('makes the run careful from its first sensitive output on', async () => {
    assert.equal((await tryOnce([reply('a', { token: 'x' }), reply('b')])).run.sensitiveOutput.seen, true);
    assert.equal((await tryOnce([reply('a', { word: 'x' }), reply('b')])).run.sensitiveOutput.seen, false);
  });
});

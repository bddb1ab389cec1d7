import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { previewCall } from '../../../../src/playbook/call/preview.ts';
import type { CallPlan } from '../../../../src/playbook/call/step-call.ts';
import type { RunContext } from '../../../../src/playbook/context.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';

const input = { to: 'x', token: 'secret1' };
const plan = {
  ...{ agent: 'thing', agentDdl: labDdl, action: 'change', ddl: labDdl.actions.change, sizes: [2] },
  input: () => input,
} as unknown as CallPlan;
const tried = (outcome: object | undefined, undone = false) => [{ number: 1, at: 0, outcome, undone }];

function preview(nodes: unknown, tries?: Readonly<Record<string, readonly object[]>>) {
  const asked: unknown[] = [];
  const history = {
    callOf: (...given: unknown[]) => {
      asked.push(given);
      return tries === undefined ? undefined : { requestId: '', tries: new Map(Object.entries(tries)) };
    },
  };
  const run = { context: () => ({}), resumed: tries === undefined ? undefined : { history } } as unknown as RunContext;
  return { asked, shown: previewCall(plan, { nodes, mayBeEmpty: false }, run, 'go') };
}

describe('the preview of a step', () => {
  test('has its nodes, with the input without secrets, in its batches', () => {
    assert.deepEqual(preview(['a', 'b']).shown, {
      nodes: ['a', 'b'],
      input: { to: 'x', token: '(hidden)' },
      batch: [2],
    });
  });

  test('is unknown if no nodes are known yet', () => {
    assert.deepEqual([preview([]).shown.nodes, preview('a').shown.nodes], [undefined, undefined]);
    assert.deepEqual(preview(['a', 7]).shown.nodes, ['a']);
  });

  test('omits nodes that did it before the run was resumed, unless it was undone since', () => {
    const { asked, shown } = preview(['a', 'b', 'c', 'd', 'e'], {
      a: tried({ outcome: 'ok' }),
      b: tried({ outcome: 'failed' }),
      c: tried({ outcome: 'ok' }, true),
      d: tried(undefined),
    });
    assert.deepEqual(shown.nodes, ['b', 'c', 'd', 'e']);
    assert.deepEqual(asked, [
      ['go', { agent: 'thing', action: 'change', dryRun: false, input: { to: 'x', token: '(hidden)' } }],
    ]);
    const done = preview(['a'], { a: tried({ outcome: 'ok' }) });
    assert.deepEqual(done.shown.nodes, [], 'all did it: that is known');
  });

  test('uses the last try of each node', () => {
    const twice = [...tried({ outcome: 'ok' }), { number: 2, at: 0, outcome: { outcome: 'failed' }, undone: false }];
    assert.deepEqual(preview(['a'], { a: twice }).shown.nodes, ['a']);
  });
});

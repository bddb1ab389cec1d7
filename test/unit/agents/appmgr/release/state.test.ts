import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planPrune } from '../../../../../src/agents/appmgr/release/prune.ts';
import { confirmRelease, isConfirmed, settleState } from '../../../../../src/agents/appmgr/release/state.ts';

describe('what is known of the releases', () => {
  test('a “current” that is there before the first upgrade counts as good', () => {
    assert.deepEqual(settleState(undefined, '10'), { confirmed: '10', before: '', pending: '' });
    assert.deepEqual(settleState(undefined, ''), { confirmed: '', before: '', pending: '' });
  });

  test('a “current” that a cut-off upgrade set does not', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '20'), known);
    assert.equal(isConfirmed(settleState(known, '20'), '20'), false);
  });

  test('a “current” that a person set does', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '15'), { confirmed: '15', before: '10', pending: '' });
  });

  test('confirming a release again keeps the one before it', () => {
    const state = { confirmed: '20', before: '10', pending: '20' };
    assert.deepEqual(confirmRelease(state, '20'), { confirmed: '20', before: '10', pending: '' });
    assert.deepEqual(confirmRelease(state, '30'), { confirmed: '30', before: '20', pending: '' });
  });
});

describe('which releases may go', () => {
  const placed = ['1', '2', '3', '4', '5', '6'].map((revision, since) => ({ revision, since }));
  const state = { confirmed: '6', before: '5', pending: '' };

  test('the oldest beyond the number to keep', () => {
    assert.deepEqual(planPrune(placed, state, '6', 4), ['1', '2']);
    assert.deepEqual(planPrune(placed, state, '6', 10), []);
  });

  test('of those that did not come up all but the last, whatever else may stay', () => {
    const failed = ['3', '5', '4'];
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '', failed }, '2', 5), ['3', '5']);
    assert.deepEqual(planPrune(placed, { confirmed: '6', before: '2', pending: '', failed }, '6', 2), ['3', '5', '1']);
  });

  test('never the one that serves, the one before it, or one being brought in', () => {
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '3' }, '2', 2), ['4', '5', '6']);
    assert.deepEqual(planPrune(placed, { confirmed: '1', before: '2', pending: '' }, '1', 5), ['3']);
  });
});

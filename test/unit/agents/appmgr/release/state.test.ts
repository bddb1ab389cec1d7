import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { planPrune } from '../../../../../src/agents/appmgr/release/prune.ts';
import {
  confirmRelease,
  confirmRollback,
  isConfirmed,
  noteFailure,
  readState,
  settleState,
  writeState,
} from '../../../../../src/agents/appmgr/release/state.ts';

describe('the recorded state of the releases', () => {
  test('counts an existing “current” before the first upgrade as good', () => {
    assert.deepEqual(settleState(undefined, '10'), { confirmed: '10', before: '', pending: '' });
    assert.deepEqual(settleState(undefined, ''), { confirmed: '', before: '', pending: '' });
  });

  test('does not count a “current” that an interrupted upgrade set', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '20'), known);
    assert.equal(isConfirmed(settleState(known, '20'), '20'), false);
  });

  test('counts a “current” that a person set', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '15'), { confirmed: '15', before: '10', pending: '' });
  });

  test('keeps the earlier release when the same one is confirmed again', () => {
    const state = { confirmed: '20', before: '10', pending: '20' };
    assert.deepEqual(confirmRelease(state, '20'), { confirmed: '20', before: '10', pending: '' });
    assert.deepEqual(confirmRelease(state, '30'), { confirmed: '30', before: '20', pending: '' });
  });
});

describe('a return to the release before', () => {
  test('is not undone by a second one: the release that was left does not count as the one before', () => {
    const state = { confirmed: '20', before: '10', pending: '', failed: ['30'] };
    assert.deepEqual(confirmRollback(state, '10'), { confirmed: '10', before: '', pending: '', failed: ['30'] });
    const origin = { since: 1, caller: 'cert=rip@devco.net', run: '' };
    assert.deepEqual(confirmRollback(state, '10', origin).origin, origin);
  });
});

describe('the operator who deployed a release', () => {
  const rip = { since: 1000, caller: 'cert=rip@devco.net', run: 'a'.repeat(32) };
  const ann = { since: 2000, caller: 'cert=ann@devco.net', run: '' };
  const served = confirmRelease({ confirmed: '10', before: '', pending: '20' }, '20', rip);

  test('is stored with it until another one replaces it', () => {
    assert.deepEqual(served.origin, rip);
    assert.deepEqual(confirmRelease(served, '20', ann).origin, rip, 'a repair does not bring it');
    assert.deepEqual(confirmRelease(served, '30', ann).origin, ann);
    assert.deepEqual(confirmRollback(served, '10', ann).origin, ann);
    assert.deepEqual(noteFailure(served, '30').origin, rip, 'what did not come up takes no place');
  });

  test('is unknown if a person changed the current release, or it was never recorded', () => {
    assert.equal(settleState(served, '15').origin, undefined);
    assert.equal(confirmRelease(served, '30').origin, undefined);
  });

  test('is read back from its file, and a damaged one is left out', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'mco-state-')), 'state.json');
    await writeState(file, served);
    assert.deepEqual(await readState(file), served);
    await writeFile(file, JSON.stringify({ ...served, origin: { since: 'yesterday' } }));
    assert.equal((await readState(file))?.origin, undefined);
  });
});

describe('the releases that may be removed', () => {
  const placed = ['1', '2', '3', '4', '5', '6'].map((revision, since) => ({ revision, since }));
  const state = { confirmed: '6', before: '5', pending: '' };

  test('are the oldest beyond the number to keep', () => {
    assert.deepEqual(planPrune(placed, state, '6', 4), ['1', '2']);
    assert.deepEqual(planPrune(placed, state, '6', 10), []);
  });

  test('include all that did not start but the latest, whatever else is kept', () => {
    const failed = ['3', '5', '4'];
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '', failed }, '2', 5), ['3', '5']);
    assert.deepEqual(planPrune(placed, { confirmed: '6', before: '2', pending: '', failed }, '6', 2), ['3', '5', '1']);
  });

  test('never include the current one, the previous one, or one in preparation', () => {
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '3' }, '2', 2), ['4', '5', '6']);
    assert.deepEqual(planPrune(placed, { confirmed: '1', before: '2', pending: '' }, '1', 5), ['3']);
  });
});

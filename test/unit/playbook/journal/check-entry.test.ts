import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEntry } from '../../../../src/playbook/journal/check-entry.ts';

const resumed = { type: 'run-resumed', operator: 'cert=rip@devco.net' };

describe('a value from a journal', () => {
  test('is an entry if its time is one that can be shown', () => {
    for (const at of [0, 8.64e15, -8.64e15]) {
      assert.equal(isEntry({ ...resumed, at }), true, String(at));
      assert.ok(new Date(at).toISOString());
    }
    for (const at of [8.64e15 + 2, -8.64e15 - 2, Number.POSITIVE_INFINITY, '1795915767000', undefined])
      assert.equal(isEntry({ ...resumed, at }), false, String(at));
  });

  test('is an entry if a newer program wrote it, whatever its type is called', () => {
    for (const type of ['later', 'toString', '__proto__']) assert.equal(isEntry({ type, at: 1 }), true, type);
    for (const value of [null, [], 'run-resumed', { at: 1 }, { type: 7, at: 1 }]) assert.equal(isEntry(value), false);
  });

  test('is not an entry without what its type has', () => {
    assert.equal(isEntry({ ...resumed, at: 1, operator: 7 }), false);
    assert.equal(isEntry({ type: 'run-resumed', at: 1 }), false);
  });
});

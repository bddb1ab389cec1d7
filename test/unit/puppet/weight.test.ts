import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { weigh } from '../../../src/puppet/values/weight.ts';

describe('the weight of a value', () => {
  test('is one, and one for each 100 characters of a string', () => {
    for (const [value, size] of [
      [undefined, 1],
      [true, 1],
      [7n, 1],
      [1.5, 1],
      ['', 1],
      ['x'.repeat(100), 2],
      ['x'.repeat(10_000), 101],
    ] as const) {
      assert.deepEqual(weigh(value), { size, depth: 0 });
    }
  });

  test('includes the members of lists, and the keys and values of hashes, also where one is in several places', () => {
    const list = ['x'.repeat(100), 1n];
    assert.deepEqual(weigh(list), { size: 4, depth: 1 });
    assert.deepEqual(weigh([list, list, []]), { size: 10, depth: 2 });
    assert.deepEqual(weigh(new Map([['a', [list]]])), { size: 7.01, depth: 3 });
    assert.deepEqual(weigh(list), { size: 4, depth: 1 }, 'the same again');
  });
});

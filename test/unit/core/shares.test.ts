import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isBeyondShare, surplusOf } from '../../../src/core/shares.ts';

describe('a share', () => {
  /** How much of a place a caller gets, one after the other, while others have so much. */
  const gets = (most: number, others: number) => {
    let own = 0;
    while (others + own < most && !isBeyondShare(most, others + own, own)) own++;
    return own;
  };

  test('is three quarters of a place that nobody else uses, and a quarter of a full one', () => {
    assert.deepEqual([gets(100, 0), gets(100, 50), gets(100, 60), gets(100, 75), gets(100, 90)], [75, 25, 25, 25, 10]);
    assert.equal(isBeyondShare(100, 70, 20, 5), false);
    assert.equal(isBeyondShare(100, 71, 20, 5), false);
    assert.equal(isBeyondShare(100, 71, 21, 5), true);
  });

  test('is all of a place for fewer than four', () => {
    assert.deepEqual(
      [1, 2, 3, 4].map((most) => gets(most, 0)),
      [1, 2, 3, 3],
    );
  });
});

test('what makes room is the oldest of the owner who has the most, without what must stay', () => {
  const order = (entries: string, stays = '') =>
    [
      ...surplusOf(
        entries.split(' '),
        ([owner = '']) => owner,
        (entry) => !stays.includes(entry),
      ),
    ].join(' ');
  assert.equal(order('a1 b1 b2 b3 a2'), 'b1 a1 b2 a2 b3');
  assert.equal(order('a1 b1 b2 b3 a2', 'b1 b2'), 'b3 a1 a2');
  assert.equal(order('a1 a2', 'a1 a2'), '');
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseSubset } from '../../../../src/library/fleet/subsets.ts';

const nodes = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `web${index}` }));

describe('a limited number of nodes', () => {
  test('is exactly that number, and at least one for a percentage', () => {
    for (const [limit, of, expected] of [
      ['1', 10, 1],
      ['3', 10, 3],
      ['10', 10, 10],
      ['11', 10, 10],
      ['1%', 10, 1],
      ['1%', 99, 1],
      ['1%', 100, 1],
      ['1%', 200, 2],
      ['50%', 3, 1],
      ['100%', 3, 3],
      ['20%', 0, 0],
    ] as const) {
      assert.equal(chooseSubset(nodes(of), limit, 1).length, expected, `${limit} of ${of}`);
    }
  });

  test('is the same again for the same seed, whatever the order, and others for another', () => {
    const chosen = (list: readonly { name: string }[], seed: number) =>
      chooseSubset(list, '5', seed)
        .map(({ name }) => name)
        .sort();
    const all = nodes(100);
    assert.deepEqual(chosen(all, 7), chosen(all.toReversed(), 7));
    assert.notDeepEqual(chosen(all, 7), chosen(all, 8));
    const kept = chooseSubset(all, '5', 7).map(({ name }) => Number(name.slice(3)));
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => a - b),
      'in the order in which they were found',
    );
  });
});

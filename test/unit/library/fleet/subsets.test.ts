import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cutBatches } from '../../../../src/library/fleet/batches.ts';
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

describe('batches of nodes', () => {
  test('have the given number of nodes, or that share of all, in their order; the last one has the rest', () => {
    for (const [batch, of, sizes] of [
      [undefined, 3, [3]],
      ['1', 3, [1, 1, 1]],
      ['2', 5, [2, 2, 1]],
      ['5', 5, [5]],
      ['9', 5, [5]],
      ['40%', 5, [2, 2, 1]],
      ['39%', 5, [1, 1, 1, 1, 1]],
      ['1%', 2, [1, 1]],
      ['100%', 3, [3]],
      ['999999999', 2, [2]],
      ['2', 0, []],
    ] as const) {
      const batches = cutBatches(nodes(of), batch);
      assert.deepEqual([batches.map(({ length }) => length), batches.flat()], [sizes, nodes(of)], `${batch} of ${of}`);
    }
  });

  test('are refused if they are of no node, of more than all, or not a number', () => {
    for (const batch of ['0', '0%', '101%', '', 'two', '-1', '1.5', '2 ', '%', '1000000000']) {
      assert.throws(() => cutBatches(nodes(3), batch), { code: 'usage', message: /not a valid batch size/ }, batch);
    }
  });
});

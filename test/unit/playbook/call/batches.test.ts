import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseShare, planBatches, sizeOf, stops } from '../../../../src/playbook/call/batches.ts';

function names(number: number): string[] {
  return Array.from({ length: number }, (_, index) => `n${index + 1}`);
}

describe('batches', () => {
  const table: [number, (number | string)[], number[]][] = [
    [0, [2], []],
    [1, [2], [1]],
    [4, [], [4]],
    [4, [2], [2, 2]],
    [5, [2], [2, 2, 1]],
    [5, [100], [5]],
    [4, ['50%'], [2, 2]],
    [5, ['50%'], [2, 2, 1]],
    [9, ['33%'], [2, 2, 2, 2, 1]],
    [3, ['10%'], [1, 1, 1]],
    [1, ['1%'], [1]],
    [7, ['100%'], [7]],
    [200, ['0.5%'], Array.from({ length: 200 }, () => 1)],
    [10, [1, 2, '50%'], [1, 2, 5, 2]],
    [4, [1, 2, '50%'], [1, 2, 1]],
    [2, [1, 2, '50%'], [1, 1]],
    [9, [1, 2], [1, 2, 2, 2, 2]],
    [3, ['2'], [2, 1]],
  ];
  for (const [total, sizes, expected] of table) {
    test(`cuts ${total} nodes by [${sizes.join(', ')}] into [${expected.join(', ')}]`, () => {
      const batches = planBatches(names(total), sizes);
      assert.deepEqual(
        batches.map(({ length }) => length),
        expected,
      );
      assert.deepEqual(batches.flat(), names(total));
    });
  }

  for (const bad of [0, -1, 1.5, '1.5', '2.25', '0', '0%', '101%', '-5%', '', 'x', '5 %', '1e3', Number.NaN]) {
    test(`refuses ${JSON.stringify(bad)} as a size`, () => assert.equal(parseShare(bad), undefined));
  }
});

test('a share is a number from 1, or a percentage; spaces around it do not count', () => {
  assert.deepEqual(['1', 1, ' 2 ', '50%'].map(parseShare), [
    { number: 1 },
    { number: 1 },
    { number: 2 },
    { percent: 50 },
  ]);
  assert.deepEqual([sizeOf('50%', 10_000), sizeOf('33.333%', 10_000)], [5000, 3333]);
  assert.equal(sizeOf('half', 7), 7, 'all of them where it is neither');
});

describe('thresholds', () => {
  const table: [number, number, number | string, boolean][] = [
    [0, 4, 1, false],
    [1, 4, 1, true],
    [1, 4, 2, false],
    [2, 4, 2, true],
    [3, 4, 2, true],
    [0, 4, '1%', false],
    [1, 4, '25%', true],
    [1, 4, '26%', false],
    [1, 3, '33.333%', true],
    [1, 3, '33.334%', false],
    [3, 4, '100%', false],
    [4, 4, '100%', true],
    [1, 1, '100%', true],
    [1, 100, '1%', true],
    [1, 101, '1%', false],
    [2, 101, '1%', true],
    [2, 10, '20%', true],
    [1, 10, '20%', false],
    [2, 3, '66.667%', false],
    [1, 200, '0.5%', true],
    [7, 10_000, '0.07%', true],
    [6, 10_000, '0.07%', false],
    [57, 100, '57%', true],
    [0, 0, '100%', false],
  ];
  for (const [failed, total, threshold, expected] of table) {
    test(`${failed} failed of ${total} ${expected ? 'stop' : 'do not stop'} at ${threshold}`, () =>
      assert.equal(stops(failed, total, threshold), expected));
  }
});

test('a threshold that is neither a number nor a percentage stops at the first failure', () => {
  assert.deepEqual([stops(0, 3, 'half'), stops(1, 3, 'half')], [false, true]);
});

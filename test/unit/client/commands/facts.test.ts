import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distributionOf } from '../../../../src/client/commands/facts/distribution.ts';
import { flattenFacts } from '../../../../src/client/commands/inventory/flatten.ts';

test('the values of a fact are counted by what they are, the most frequent first, with the nodes that have none', () => {
  const found = [
    ['c', 1],
    ['a', '1'],
    ['b', 1],
    ['d', undefined],
    ['e', { x: 1 }],
    ['f', 'z'],
    ['g', undefined],
  ] as const;
  assert.deepEqual(distributionOf(found), {
    values: [
      { value: 1, count: 2, nodes: ['b', 'c'] },
      { value: '1', count: 1, nodes: ['a'] },
      { value: 'z', count: 1, nodes: ['f'] },
      { value: { x: 1 }, count: 1, nodes: ['e'] },
    ],
    absent: ['d', 'g'],
  });
});

test('the facts of a node are lines by their dotted names, and ten thousand at most', () => {
  assert.deepEqual(
    flattenFacts({ os: { name: 'debian', deep: { a: 1 } }, b: [1, { c: 2 }], a: '', none: {}, nil: null }),
    [
      ['a', ''],
      ['b', '[1,{"c":2}]'],
      ['nil', 'null'],
      ['none', '{}'],
      ['os.deep.a', '1'],
      ['os.name', 'debian'],
    ],
  );
  assert.equal(
    flattenFacts(Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`f${at}`, at]))).length,
    10_000,
  );
});

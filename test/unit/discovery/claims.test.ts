import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { candidatesOf } from '../../../src/discovery/claims.ts';
import { inClientYaml } from '../../../src/discovery/sections/place.ts';

test('a list of claims has at most 50,000 nodes', () => {
  const list = Array.from({ length: 50_000 }, (_, index) => ({ name: `n${index}` }));
  const read = (claimed: typeof list) => candidatesOf(claimed, 'sql', 'the table', noFilter, inClientYaml).length;
  assert.equal(read(list), 50_000);
  const message = 'the table lists 50001 nodes: at most 50000 are read';
  assert.throws(() => read([...list, { name: 'more' }]), { code: 'bad-nodes', message });
});

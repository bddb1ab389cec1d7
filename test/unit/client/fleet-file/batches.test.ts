import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutWithCanary } from '../../../../src/client/apply/batches.ts';

const hosts = (role: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `${role}${index + 1}`, host: { role: { name: role } } }));
const sizes = (count: number, batch?: string) => cutWithCanary(hosts('web', count), batch).map((one) => one.length);

test('one host of the most common role is changed alone, then the others in batches', () => {
  const batches = cutWithCanary([...hosts('lb', 2), ...hosts('web', 3)], '3');
  assert.deepEqual(
    batches.map((batch) => batch.map(({ name }) => name)),
    [['web1'], ['lb1', 'lb2', 'web2'], ['web3']],
  );
  assert.deepEqual(sizes(0), []);
  assert.deepEqual(sizes(1), [1]);
  assert.deepEqual(sizes(8), [1, 5, 2]);
  assert.deepEqual(sizes(41), [1, 10, 10, 10, 10]);
  assert.deepEqual(sizes(42), [1, 11, 11, 11, 8]);
  assert.deepEqual(sizes(41, '50%'), [1, 20, 20]);
});

test('a batch size that is not valid is refused for one host too', () => {
  for (const batch of ['x', '0', '101%']) {
    assert.throws(() => sizes(1, batch), { code: 'usage', message: `“${batch}” is not a valid batch size` });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBudget } from '../../../../src/daemon/relay/budget.ts';

test('a relay accepts as many requests as its limit, and one more when one has ended', () => {
  const budget = startBudget({ requests: 2, bytes: 1000 });
  const [first] = [budget.take(1), budget.take(1)];
  assert.throws(() => budget.take(1), { code: 'busy', message: /2 requests/ });
  assert.deepEqual(budget.used(), { requests: 2, bytes: 2 });
  first();
  // Ending the same one twice frees one place alone.
  first();
  assert.deepEqual(budget.used(), { requests: 1, bytes: 1 });
  budget.take(1);
  assert.throws(() => budget.take(1), { code: 'busy' });
});

test('a relay stores as many bytes as its limit, to the byte', () => {
  const budget = startBudget({ requests: 10, bytes: 100 });
  const leave = budget.take(99);
  assert.throws(() => budget.take(2), { code: 'busy', message: /100 bytes/ });
  budget.take(1);
  assert.throws(() => budget.take(1), { code: 'busy' });
  leave();
  budget.take(99);
  assert.deepEqual(budget.used(), { requests: 2, bytes: 100 });
});

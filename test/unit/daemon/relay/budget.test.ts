import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBudget } from '../../../../src/daemon/relay/budget.ts';

test('a relay accepts as many requests as its limit, and one more when one has ended', () => {
  const budget = startBudget({ requests: 2, bytes: 1000 });
  const [first] = [budget.take('cert=rip', 1), budget.take('cert=eve', 1)];
  assert.throws(() => budget.take('cert=rip', 1), { code: 'busy', message: /2 requests/ });
  assert.deepEqual(budget.used(), { requests: 2, bytes: 2 });
  first();
  // Ending the same one twice frees one place alone.
  first();
  assert.deepEqual(budget.used(), { requests: 1, bytes: 1 });
  budget.take('cert=rip', 1);
  assert.throws(() => budget.take('cert=rip', 1), { code: 'busy' });
});

test('a relay stores as many bytes as its limit, to the byte', () => {
  const budget = startBudget({ requests: 10, bytes: 100 });
  const leave = budget.take('cert=rip', 99);
  assert.throws(() => budget.take('cert=rip', 2), { code: 'busy', message: /100 bytes/ });
  budget.take('cert=eve', 1);
  assert.throws(() => budget.take('cert=sue', 1), { code: 'busy', message: /100 bytes/ });
  leave();
  budget.take('cert=rip', 99);
  assert.deepEqual(budget.used(), { requests: 2, bytes: 100 });
});

test('one user of a relay can use three quarters of it, and leaves a quarter to each other one', () => {
  const budget = startBudget({ requests: 100, bytes: 1000 });
  const takeAll = (user: string) => {
    for (let count = 0; ; count++) {
      try {
        budget.take(user, 1);
      } catch (error) {
        return [count, String(error)];
      }
    }
  };
  assert.deepEqual(takeAll('cert=eve'), [75, 'Problem: cert=eve uses its share of the relay']);
  budget.take('cert=sue', 1)();
  assert.deepEqual(takeAll('cert=rip'), [25, 'Problem: the relay has 100 requests on their way']);
});

test('the share of a user is one of bytes, too; its first request may be of any size', () => {
  const budget = startBudget({ requests: 100, bytes: 1000 });
  const first = budget.take('cert=eve', 750);
  assert.throws(() => budget.take('cert=eve', 1), { code: 'busy', message: /cert=eve uses its share/ });
  const other = budget.take('cert=rip', 250);
  other();
  budget.take('cert=rip', 1);
  first();
  budget.take('cert=eve', 750);
});

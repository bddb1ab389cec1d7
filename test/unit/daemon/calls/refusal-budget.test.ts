import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRefusalBudget } from '../../../../src/daemon/calls/refusal-budget.ts';

const mebibyte = 1024 * 1024;
const hour = 3_600_000;
const rip = 'cert=rip@devco.net';

function startBudget() {
  const clock = { now: 5 * hour };
  return { clock, ...startRefusalBudget(() => clock.now) };
}

describe('the limit in the audit log for refusals to one caller', () => {
  test('is a mebibyte, to the last byte, and what does not fit uses nothing', () => {
    const { spend } = startBudget();
    assert.equal(spend(rip, mebibyte + 1), false);
    assert.equal(spend(rip, mebibyte - 10), true);
    assert.equal(spend(rip, 11), false);
    assert.equal(spend(rip, 10), true);
    assert.equal(spend(rip, 1), false);
    assert.equal(spend('cert=eve@devco.net', mebibyte), true, 'each caller has its own');
  });

  test('recovers a mebibyte per hour, and never exceeds one', () => {
    const { spend, clock } = startBudget();
    spend(rip, mebibyte);
    clock.now += hour / 4;
    assert.equal(spend(rip, mebibyte / 4 + 1), false);
    assert.equal(spend(rip, mebibyte / 4), true);
    clock.now += hour / 2;
    assert.equal(spend(rip, mebibyte / 4), true);
    assert.equal(spend(rip, mebibyte / 4 + 1), false, 'what was taken is counted from when it was taken');
    clock.now += 10 * hour;
    assert.equal(spend(rip, mebibyte + 1), false);
    assert.equal(spend(rip, mebibyte), true);
  });

  test('does not recover if the clock is set back', () => {
    const { spend, clock } = startBudget();
    spend(rip, mebibyte);
    clock.now -= hour;
    for (let count = 0; count < 10; count++) spend(rip, 0);
    assert.equal(spend(rip, 1), false);
  });

  test('is kept for a thousand callers; another has none until one of them has recovered fully', () => {
    const { spend, clock } = startBudget();
    for (let caller = 0; caller < 999; caller++) assert.equal(spend(`cert=${caller}`, mebibyte), true);
    assert.equal(spend('cert=999', 1), true, 'the thousandth');
    assert.equal(spend(rip, 1), false);
    assert.equal(spend('cert=999', 1), true, 'who is counted is not concerned');
    clock.now += hour / 2;
    assert.equal(spend(rip, 1), true);
    assert.equal(spend('cert=5', mebibyte), false, 'those that are not whole again are still counted');
    assert.equal(spend('cert=eve', 1), false);
  });
});

import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import type { ApplicationConfig } from '../../../../src/agents/appmgr/config.ts';
import { defineHealth } from '../../../../src/agents/appmgr/health/health.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

const unit = 'app.service';
const active = 'ActiveState=active\nSubState=running\nResult=success\nInvocationID=1\n';
const inactive = 'ActiveState=inactive\nSubState=dead\nResult=success\n';

/** What is found in a unit whose state is one of these at each look, and after how many milliseconds. */
async function wait(...states: readonly string[]) {
  let [clock, looks] = [0, 0];
  const { mock: now } = mock.method(performance, 'now', () => clock);
  using delays = mockDelays();
  const run = async () => {
    const stdout = (states[Math.min(looks, states.length - 1)] ?? '').replace('#', String(looks));
    looks += 1;
    return { code: stdout === '' ? 1 : 0, signal: null, stdout, stderr: '', truncated: false };
  };
  const application = { name: 'shop', service: { unit, action: 'restart' } } as ApplicationConfig;
  let found: { healthy: boolean; words: string } | undefined;
  void defineHealth(application, run)
    ?.wait('20', new AbortController().signal)
    .then((health) => {
      found = health;
    });
  for (; found === undefined; clock += 100) await delays.pass(100);
  // Before the next look of the same test, whose own clock would bring this one back when it ends.
  now.restore();
  return [found.healthy, found.words, clock] as const;
}

describe('a unit of systemd without a health check of its application', () => {
  test('is healthy once it has been active for a second', async () => {
    const [healthy, words, time] = await wait(inactive, inactive, active);
    assert.deepEqual([healthy, words], [true, 'app.service active (running)']);
    assert.ok(time >= 1200, String(time));
  });

  test('is not healthy if it falls over, whenever that is', async () => {
    const failed = 'ActiveState=failed\nSubState=failed\nResult=exit-code\n';
    const [healthy, words, time] = await wait(active, active, failed);
    assert.deepEqual([healthy, words], [false, 'app.service failed (failed, result exit-code)']);
    assert.ok(time < 1000, String(time));
  });

  test('is not healthy if it is started again and again, or does not become active', async () => {
    const [again, loop] = await wait(active.replace('=1', '=#'));
    assert.deepEqual([again, loop], [false, 'app.service active (running), and started again meanwhile']);
    const [idle, words] = await wait(inactive);
    assert.deepEqual([idle, words], [false, 'app.service inactive (dead)']);
  });

  test('is healthy if it is a program that has ended well', async () => {
    assert.equal((await wait(`${inactive}Type=oneshot\n`))[0], true);
    assert.equal((await wait(`${inactive.replace('success', 'timeout')}Type=oneshot\n`))[0], false);
  });

  test('is not healthy if a condition keeps it from starting, whatever its type, and is not waited for', async () => {
    const kept = 'ConditionResult=no\nConditionTimestampMonotonic=7\n';
    for (const type of ['simple', 'oneshot']) {
      const [healthy, words, time] = await wait(`${inactive}Type=${type}\n${kept}`);
      assert.deepEqual(
        [healthy, words],
        [false, 'app.service inactive: a condition of its file keeps it from starting'],
      );
      assert.ok(time < 1000, String(time));
    }
    const never = kept.replace('=7', '=0');
    assert.equal((await wait(`${inactive}Type=oneshot\n${never}`))[0], true, 'it was never started');
    assert.equal((await wait(`${active}${kept}`))[0], true, 'it runs since an earlier start');
  });

  test('is not healthy if systemd does not answer', async () => {
    assert.deepEqual((await wait('')).slice(0, 2), [false, 'no state of app.service']);
  });

  test('is not asked for where another command makes the service load a release', () => {
    const application = { name: 'shop', service: { unit }, reload: ['true'] } as unknown as ApplicationConfig;
    assert.equal(
      defineHealth(application, () => assert.fail('nothing runs')),
      undefined,
    );
  });
});

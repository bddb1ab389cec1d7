import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Problem } from '../../../../src/core/errors.ts';
import { startCallerLimiter } from '../../../../src/daemon/calls/caller-limits.ts';

describe('the limits of a caller', () => {
  test('allow a burst, then the configured rate, for each caller separately', () => {
    let now = 0;
    const { enter } = startCallerLimiter({ atOnce: 100, rate: 2, burst: 3 }, () => now);
    const may = (caller: string) => {
      try {
        enter(caller, 0)();
        return true;
      } catch (error) {
        assert.equal((error as Problem).code, 'rate-limited');
        return false;
      }
    };
    assert.deepEqual(
      [1, 2, 3, 4].map(() => may('cert=rip')),
      [true, true, true, false],
    );
    assert.equal(may('cert=sue'), true);
    now = 500;
    assert.deepEqual(
      [1, 2].map(() => may('cert=rip')),
      [true, false],
    );
    now = 3_600_000;
    assert.deepEqual(
      [1, 2, 3, 4].map(() => may('cert=rip')),
      [true, true, true, false],
      'an hour saves no more than a burst',
    );
    now = 0;
    assert.equal(may('cert=rip'), false, 'a clock that is set back gives nothing');
  });

  test('count what is running, and a call that has ended once', () => {
    const { enter } = startCallerLimiter({ atOnce: 2, rate: 1000, burst: 1000 }, () => 0);
    const leave = enter('cert=rip', 0);
    enter('cert=rip', 0);
    assert.throws(() => enter('cert=rip', 0), { code: 'busy' });
    leave();
    leave();
    enter('cert=rip', 0);
    assert.throws(() => enter('cert=rip', 0), { code: 'busy' });
  });

  test('allow even the largest request if there was no other', () => {
    const { enter } = startCallerLimiter({ atOnce: 2, rate: 1, burst: 3 }, () => 0);
    enter('cert=rip', 1024 * 1024)();
    assert.throws(() => enter('cert=rip', 0), { code: 'rate-limited' });
  });

  test('forget callers that are idle', () => {
    let now = 0;
    let asked = 0;
    const { enter } = startCallerLimiter({ atOnce: 2, rate: 1, burst: 1 }, () => {
      asked++;
      return now;
    });
    for (let caller = 0; caller < 5000; caller++) {
      enter(`cert=${caller}`, 0)();
      now += 10;
    }
    // Every account that is kept is looked at, and the clock with it, whenever there are a thousand.
    assert.ok(asked < 20_000, `the clock was asked ${asked} times`);
  });

  test('look for idle callers only when there are a thousand others', () => {
    let asked = 0;
    const { enter } = startCallerLimiter({ atOnce: 2, rate: 1, burst: 1 }, () => {
      asked++;
      return 0;
    });
    const askedFor = (caller: string) => {
      const before = asked;
      enter(caller, 0)();
      return asked - before;
    };
    const counts = Array.from({ length: 1000 }, (_, caller) => askedFor(`cert=${caller}`));
    assert.deepEqual(new Set(counts), new Set([2]), 'the clock is asked for the caller alone');
    assert.equal(askedFor('cert=more'), 1002);
  });

  test('remember callers that are not idle, and calls that still run', () => {
    let now = 0;
    const { enter } = startCallerLimiter({ atOnce: 1, rate: 1, burst: 2 }, () => now);
    enter('cert=busy', 0);
    now = 10_000;
    for (const _ of [1, 2]) enter('cert=spent', 0)();
    for (let caller = 0; caller < 2000; caller++) enter(`cert=${caller}`, 0)();
    assert.throws(() => enter('cert=busy', 0), { code: 'busy' });
    assert.throws(() => enter('cert=spent', 0), { code: 'rate-limited' });
  });

  test('count a request by its size: one more call for each 16 KiB', () => {
    for (const [bytes, calls] of [
      [16 * 1024 - 1, 4],
      [16 * 1024, 2],
      [2 * 16 * 1024, 1],
    ] as const) {
      const { enter } = startCallerLimiter({ atOnce: 9, rate: 1, burst: 4 }, () => 0);
      for (let call = 0; call < calls; call++) enter('cert=rip', bytes)();
      assert.throws(() => enter('cert=rip', bytes), { code: 'rate-limited' }, `${bytes} bytes`);
    }
  });
});

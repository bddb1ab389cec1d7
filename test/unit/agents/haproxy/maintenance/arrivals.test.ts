import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { watchArrivals } from '../../../../../src/agents/haproxy/maintenance/arrivals.ts';
import { defineTurns } from '../../../../../src/agents/haproxy/runtime/mutex.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { silentLog } from '../../../../support/agents/agent-setup.ts';
import { until } from '../../../../support/until.ts';

/** Answers “show info” alone, as the process of that id. */
function countingRuntime() {
  const seen = { pid: 1, asked: 0, most: 0, now: 0 };
  const runtime: Runtime = {
    name: '/run/haproxy.sock',
    ask: async () => {
      seen.asked++;
      seen.most = Math.max(seen.most, ++seen.now);
      await new Promise((resolve) => setImmediate(resolve));
      seen.now--;
      return `Version: 2.6.12\nPid: ${seen.pid}\nUptime_sec: 1\nStart_time_sec: 1790000000`;
    },
  };
  return { runtime, seen };
}

describe('hosts that were put in by many calls', () => {
  test('are watched with one connection to HAProxy at a time, and each call learns of a reload once', async () => {
    const { runtime, seen } = countingRuntime();
    const arrivals = watchArrivals({ runtimes: [runtime], every: 0.001, inTurn: defineTurns(), log: silentLog });
    const known = { [runtime.name]: { version: '2.6.12', pid: 1, uptime: 1, started: 1_790_000_000 } };
    const again: number[] = [];
    for (let call = 0; call < 50; call++) {
      arrivals.watch(known, async () => {
        again.push(call);
        return [];
      });
    }
    await until('some looks', () => seen.asked > 3);
    assert.deepEqual(again, []);
    seen.pid = 2;
    await until('all calls know of the reload', () => again.length === 50);
    const asked = seen.asked;
    await until('more looks', () => seen.asked > asked + 3);
    await arrivals.stop();
    assert.equal(again.length, 50);
    assert.equal(seen.most, 1);
  });

  test('are watched on where putting those of one call in again failed', async () => {
    const { runtime, seen } = countingRuntime();
    const arrivals = watchArrivals({ runtimes: [runtime], every: 0.001, inTurn: defineTurns(), log: silentLog });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    let others = 0;
    arrivals.watch(known, async () => Promise.reject(new Error('gone')));
    arrivals.watch(known, async () => [String(++others)]);
    await until('the other call was served', () => others === 1);
    seen.pid = 3;
    await until('the other call was served again', () => others === 2);
    await arrivals.stop();
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startEnableWatch } from '../../../../../src/agents/haproxy/maintenance/enable-watch.ts';
import { defineChangeMutex } from '../../../../../src/agents/haproxy/runtime/mutex.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import type { Log } from '../../../../../src/core/ports.ts';
import { silentLog } from '../../../../support/agents/agent-setup.ts';
import { mockDelays, someTurns } from '../../../../support/mock-delays.ts';
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

/** Keeps what is logged as a warning. */
function listening() {
  const words: [string, object][] = [];
  const log: Log = { ...silentLog, warn: (fields, message) => words.push([message, fields]) };
  return { log, words };
}

describe('hosts that many calls have enabled', () => {
  test('are watched with one connection to HAProxy at a time, and each call receives a reload once', async () => {
    const { runtime, seen } = countingRuntime();
    const enableWatch = startEnableWatch({
      runtimes: [runtime],
      every: 0.001,
      inTurn: defineChangeMutex(),
      log: silentLog,
    });
    const known = { [runtime.name]: { version: '2.6.12', pid: 1, uptime: 1, started: 1_790_000_000 } };
    const again: number[] = [];
    for (let call = 0; call < 50; call++) {
      enableWatch.watch(known, async () => {
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
    await enableWatch.stop();
    assert.equal(again.length, 50);
    assert.equal(seen.most, 1);
  });

  test('are watched for ten seconds, and HAProxy gets no query afterwards', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const { runtime, seen } = countingRuntime();
    const enableWatch = startEnableWatch({
      runtimes: [runtime],
      every: 0.001,
      inTurn: defineChangeMutex(),
      log: silentLog,
    });
    const looks = async () => {
      const before = seen.asked;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return seen.asked - before;
    };
    enableWatch.watch(
      { [runtime.name]: { version: '2.6.12', pid: 1, uptime: 1, started: 1_790_000_000 } },
      async () => [],
    );
    await until('it looks', async () => (await looks()) > 0);
    now = 9_999;
    await until('it still looks', async () => (await looks()) > 0);
    now = 10_000;
    // The clock of “until” stands still too.
    for (let turn = 0; (await looks()) > 0; turn++) assert.ok(turn < 200, 'it looks no longer');
    await enableWatch.stop();
  });

  test('are first checked after the interval', async () => {
    using clock = mockDelays();
    const { runtime, seen } = countingRuntime();
    const enableWatch = startEnableWatch({
      ...{ runtimes: [runtime], every: 1, inTurn: defineChangeMutex(), log: silentLog },
    });
    enableWatch.watch({}, async () => []);
    await clock.pass(999);
    assert.equal(seen.asked, 0);
    await clock.pass(1);
    assert.equal(seen.asked, 1);
    await enableWatch.stop();
  });

  test('are enabled again after a reload in their last moment, and not watched any longer', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    using clock = mockDelays();
    const { runtime, seen } = countingRuntime();
    const enableWatch = startEnableWatch({
      ...{ runtimes: [runtime], every: 1, inTurn: defineChangeMutex(), log: silentLog },
    });
    let served = 0;
    enableWatch.watch(
      { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } },
      async () => [String(++served)],
    );
    for (const time of [9_999, 10_000, 10_001]) {
      now = time;
      seen.pid++;
      await clock.pass(1_000);
    }
    assert.deepEqual([served, seen.asked], [2, 2]);
    await enableWatch.stop();
  });

  test('keep the agent from stopping while they are enabled again', async () => {
    const { runtime } = countingRuntime();
    const enableWatch = startEnableWatch({
      ...{ runtimes: [runtime], every: 0.001, inTurn: defineChangeMutex(), log: silentLog },
    });
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    enableWatch.watch(
      { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } },
      async () => {
        begun.resolve();
        await over.promise;
        return [];
      },
    );
    await begun.promise;
    let stopped = false;
    const stopping = enableWatch.stop().then(() => {
      stopped = true;
    });
    await someTurns();
    assert.equal(stopped, false);
    over.resolve();
    await stopping;
  });

  test('are logged by name if a reload disabled them, and nothing is logged if it disabled none', async () => {
    const { runtime, seen } = countingRuntime();
    const { log, words } = listening();
    const enableWatch = startEnableWatch({ runtimes: [runtime], every: 0.001, inTurn: defineChangeMutex(), log });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    for (const hosts of [[], ['dev1'], ['dev2', 'dev3']]) enableWatch.watch(known, async () => hosts);
    await until('both calls were served', () => words.length === 2);
    const asked = seen.asked;
    await until('more looks', () => seen.asked > asked + 3);
    await enableWatch.stop();
    const message = 'a reload of HAProxy took out hosts that were just put in: they were put in again';
    assert.deepEqual(words, [
      [message, { hosts: ['dev1'] }],
      [message, { hosts: ['dev2', 'dev3'] }],
    ]);
  });

  test('are not reported if the agent stops meanwhile, and stopping ends the watch', async () => {
    const { runtime, seen } = countingRuntime();
    const { log, words } = listening();
    const enableWatch = startEnableWatch({ runtimes: [runtime], every: 0.001, inTurn: defineChangeMutex(), log });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    const begun = Promise.withResolvers<void>();
    enableWatch.watch(known, async (signal) => {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal.throwIfAborted();
      return [];
    });
    await begun.promise;
    await enableWatch.stop();
    const asked = seen.asked;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([words, seen.asked], [[], asked]);
  });
});

describe('enabled hosts during failures of HAProxy', () => {
  test('are no longer watched if enabling them again failed, which is reported once', async () => {
    const { runtime, seen } = countingRuntime();
    const { log, words } = listening();
    const enableWatch = startEnableWatch({ runtimes: [runtime], every: 0.001, inTurn: defineChangeMutex(), log });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    let tries = 0;
    enableWatch.watch(known, async () => {
      tries++;
      throw new Error('it is gone');
    });
    await until('the failure is reported', () => words.length === 1);
    seen.pid = 9;
    let served = 0;
    enableWatch.watch(known, async () => [String(++served)]);
    await until('another call was served', () => served === 1);
    await enableWatch.stop();
    assert.deepEqual(words[0], ['hosts that a reload took out could not be put in again', { problem: 'it is gone' }]);
    assert.deepEqual([tries, words.length], [1, 2]);
  });

  test('are still watched while a process does not reply: the next check finds it', async () => {
    const { runtime, seen } = countingRuntime();
    const { log, words } = listening();
    let isAway = true;
    const away: Runtime = {
      name: runtime.name,
      ask: async (command, signal) => {
        const answer = await runtime.ask(command, signal);
        if (isAway) throw new Error('connection refused');
        return answer;
      },
    };
    const enableWatch = startEnableWatch({ runtimes: [away], every: 0.001, inTurn: defineChangeMutex(), log });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    let served = 0;
    enableWatch.watch(known, async () => [String(++served)]);
    await until('some looks', () => seen.asked > 3);
    assert.equal(served, 0);
    isAway = false;
    await until('the call was served', () => served === 1);
    await enableWatch.stop();
    assert.equal(words.length, 1);
  });

  test('are still watched if enabling those of one call again failed', async () => {
    const { runtime, seen } = countingRuntime();
    const enableWatch = startEnableWatch({
      runtimes: [runtime],
      every: 0.001,
      inTurn: defineChangeMutex(),
      log: silentLog,
    });
    const known = { [runtime.name]: { version: '2.6.12', pid: 7, uptime: 1, started: 1_790_000_000 } };
    let others = 0;
    enableWatch.watch(known, async () => Promise.reject(new Error('gone')));
    enableWatch.watch(known, async () => [String(++others)]);
    await until('the other call was served', () => others === 1);
    seen.pid = 3;
    await until('the other call was served again', () => others === 2);
    await enableWatch.stop();
  });
});

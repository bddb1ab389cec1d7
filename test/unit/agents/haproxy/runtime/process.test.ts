import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pause } from '../../../../../src/agents/haproxy/runtime/mutex.ts';
import { forEach } from '../../../../../src/agents/haproxy/runtime/parallel.ts';
import { findReplaced, parseInfo, readInfos } from '../../../../../src/agents/haproxy/runtime/process.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const { signal } = new AbortController();
const info = { version: '3.0.1', pid: 8, uptime: 100, started: 1000 };

describe('the identity of a process', () => {
  test('is read from the lines of “show info”, and other lines are skipped', () => {
    const answer =
      'Name: HAProxy\nVersion: 3.0.1\nnothing\nPid: 8 \nPid!\nUptime: 0d 0h01m40s\nUptime_sec: 100\nStart_time_sec: 1000';
    assert.deepEqual(parseInfo(answer, 'x'), info);
    assert.deepEqual(parseInfo('Pid: 8\nUptime_sec: 0', 'x'), { version: '', pid: 8, uptime: 0, started: undefined });
  });

  for (const answer of [
    'Uptime_sec: 1',
    'Pid: 8',
    'Pid: 8\nUptime_sec: 1s',
    'Pid: -8\nUptime_sec: 1',
    'Pid 8\nUptime_sec 1',
  ])
    test(`cannot be read from ${JSON.stringify(answer)}`, () =>
      assert.throws(() => parseInfo(answer, '/run/a'), {
        code: 'haproxy-answer',
        message: 'HAProxy at /run/a answered “show info” in an unknown form',
      }));

  test('is read from each process by its socket', async () => {
    const [a, b] = [fakeHaproxy({}, '/run/a'), fakeHaproxy({}, '/run/b')];
    b.info.pid = 7;
    const read = await readInfos([a, b], signal);
    assert.deepEqual([read['/run/a']?.pid, read['/run/b']?.pid], [100, 7]);
  });
});

describe('replaced processes', () => {
  const now = { '/a': info, '/b': info };
  test('are those whose sockets another one answers now', () => {
    assert.deepEqual(findReplaced(now, now), []);
    assert.deepEqual(findReplaced({ '/a': info, '/b': { ...info, pid: 7 } }, now), ['/b']);
  });

  test('exclude those that were unknown before', () => assert.deepEqual(findReplaced({}, now), []));

  test('have a lower uptime, and an equal uptime is not proof', () => {
    assert.deepEqual(findReplaced({ '/a': { ...info, uptime: 101 } }, { '/a': info }), ['/a']);
    assert.deepEqual(findReplaced({ '/a': { ...info, uptime: 100 } }, { '/a': info }), []);
  });
});

test('HAProxy gets at most four commands at a time, and all are sent', async () => {
  let [now, most, done] = [0, 0, 0];
  await forEach(Array.from({ length: 12 }), async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    done++;
  });
  assert.deepEqual([most, done], [4, 12]);
});

test('a pause ends when the call is cancelled', async () => {
  const calling = new AbortController();
  const paused = pause(60_000, calling.signal);
  calling.abort();
  await assert.rejects(paused, { code: 'cancelled', message: 'the call was cancelled' });
});

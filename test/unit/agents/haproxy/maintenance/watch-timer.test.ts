import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { startMaintenanceWatch } from '../../../../../src/agents/haproxy/maintenance/watch.ts';
import { silentLog, temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const held = (host: string): HeldHost => ({
  ...{ host, addresses: ['10.0.0.1'], fqdns: [], ports: [], lines: [], stage: 'out', breaks: [], processes: {} },
});

/** A watch that checks every hour, with the timers that it starts and those that it stops. */
async function watching({ mock }: TestContext) {
  const starts = mock.method(globalThis, 'setTimeout').mock;
  const stops = mock.method(globalThis, 'clearTimeout').mock;
  const setup = { runtimes: [fakeHaproxy({})], stateDirectory: temporaryDirectory(), log: silentLog };
  const watch = await startMaintenanceWatch({ ...setup, every: 3600 });
  return {
    watch,
    started: () => starts.calls.filter((call) => call.arguments[1] === 3_600_000).map(({ result }) => result),
    stopped: () => stops.calls.map((call) => call.arguments[0]),
  };
}

describe('the timer of the watch over held hosts', () => {
  test('is one for all of them, and none runs while no host is held', async (context) => {
    const { watch, started } = await watching(context);
    await watch.put([]);
    assert.equal(started().length, 0);
    await watch.put([held('dev1')]);
    await watch.put([held('dev2')]);
    assert.equal(started().length, 1);
    await watch.stop();
  });

  test('does not keep the program running', async (context) => {
    const { watch, started } = await watching(context);
    await watch.put([held('dev1')]);
    assert.deepEqual(
      started().map((timer) => timer?.hasRef()),
      [false],
    );
    await watch.stop();
  });

  test('is stopped at the end, and does not start again', async (context) => {
    const { watch, started, stopped } = await watching(context);
    await watch.put([held('dev1')]);
    await watch.stop();
    assert.ok(stopped().includes(started()[0]));
    await watch.put([held('dev2')]);
    assert.equal(started().length, 1);
  });

  test('does not start after the end if no host was held before', async (context) => {
    const { watch, started } = await watching(context);
    await watch.stop();
    await watch.put([held('dev1')]);
    assert.equal(started().length, 0);
  });
});

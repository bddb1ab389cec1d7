import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { okReply, type Outcome } from '../../../../src/core/request/reply.ts';
import { type LeaseOptions, takeLease } from '../../../../src/library/runs/lease.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';

type Answer = Partial<Outcome> | Promise<Partial<Outcome>>;
const heldByAnother = { outcome: 'failed', code: 'lease-held', message: 'it is held' } as const;

/** A lease of 30 s on dev2 and dev8; `answer` replaces what a node replies to an action. */
function lease(answer: (node: string, action: string) => Answer, more: Partial<LeaseOptions> = {}): LeaseOptions {
  return {
    ...{ name: 'app/bravo', runId: 'one', nodes: ['dev2', 'dev8'], ttl: 30, wait: 0, from: 'test' },
    ...{ signal: new AbortController().signal, report: () => {} },
    ask: async (node, action) => ({ ...okReply({ fence: 7 }), elapsed: 0, node, ...(await answer(node, action)) }),
    ...more,
  };
}

/** Whether a promise is settled by the time that nothing is left to run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  await someTurns();
  return settled;
}

describe('a lease', () => {
  test('that cannot be taken is reported once the nodes that gave it have released it', async () => {
    const released = Promise.withResolvers<Partial<Outcome>>();
    const taking = takeLease(
      lease((node, action) => (action === 'release' ? released.promise : node === 'dev8' ? heldByAnother : {})),
    );
    assert.equal(await isSettled(taking), false);
    released.resolve({});
    await assert.rejects(taking, { code: 'lease-held' });
  });

  test('is released once every node has replied', async () => {
    const released = Promise.withResolvers<Partial<Outcome>>();
    const held = await takeLease(lease((_, action) => (action === 'release' ? released.promise : {})));
    const releasing = held.release();
    assert.equal(await isSettled(releasing), false);
    released.resolve({});
    await releasing;
  });

  test('that another run holds is requested again after a pause, not at once', async (context) => {
    context.mock.method(Math, 'random', () => 0.5);
    using clock = mockDelays();
    let taken = 0;
    const taking = takeLease(
      lease((_, action) => (action === 'take' && ++taken === 1 ? heldByAnother : {}), { wait: 60_000 }),
    );
    await someTurns();
    await clock.pass(499);
    assert.equal(taken, 1);
    await clock.pass(1);
    assert.equal(taken, 3, 'once more on each of the two nodes');
    await (await taking).release();
  });

  test('that another run holds is no longer awaited as soon as the run is cancelled', async () => {
    using _clock = mockDelays();
    const run = new AbortController();
    let taken = 0;
    const taking = takeLease(
      lease((_, action) => (action === 'take' && ++taken > 0 ? heldByAnother : {}), {
        wait: 60_000,
        signal: run.signal,
      }),
    );
    assert.equal(await isSettled(taking), false);
    run.abort();
    await assert.rejects(taking, { code: 'cancelled' });
    assert.equal(taken, 2);
  });

  test('does not keep the program running while it is held', async (context) => {
    const timers = context.mock.method(globalThis, 'setInterval').mock;
    const held = await takeLease(lease(() => ({})));
    assert.deepEqual(
      timers.calls.map(({ result }) => result?.hasRef()),
      [false],
    );
    await held.release();
  });

  for (const [silence, lost] of [
    [30_000, false],
    [30_001, true],
  ] as const) {
    test(`is ${lost ? 'lost' : 'not lost'} when a node has been silent for ${silence} ms of 30 s`, async (context) => {
      let now = 1_000_000;
      context.mock.method(performance, 'now', () => now);
      context.mock.timers.enable({ apis: ['setInterval'] });
      const silent = { outcome: 'no-response', code: 'no-response', message: 'no reply' } as const;
      const held = await takeLease(lease((node, action) => (action === 'renew' && node === 'dev8' ? silent : {})));
      now += silence;
      context.mock.timers.tick(10_000);
      await someTurns();
      assert.equal(held.lost.aborted, lost);
      await held.release();
    });
  }
});

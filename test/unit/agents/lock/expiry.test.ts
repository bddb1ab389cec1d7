import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { watchExpiry } from '../../../../src/agents/lock/expiry.ts';
import type { Leases } from '../../../../src/agents/lock/leases.ts';
import type { Log } from '../../../../src/core/ports.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the removal of leases that expire', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  /** @param ends when the next lease ends, on a clock that stands at 1000; undefined: there is none */
  function start(ends?: number) {
    const given: { ends: number | undefined; turn: Promise<void> } = { ends, turn: Promise.resolve() };
    let removals = 0;
    const leases = {
      nextEnd: () => given.ends,
      clock: () => 1000,
      forgetExpired: async () => {
        removals++;
        given.ends = undefined;
      },
    } as unknown as Leases;
    const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
      await given.turn;
      return work();
    };
    const expiry = watchExpiry(leases, inTurn, { warn: assert.fail } as unknown as Log);
    /** How many there were after so many milliseconds more. */
    const after = async (milliseconds: number) => {
      mock.timers.tick(milliseconds);
      await turn();
      return removals;
    };
    return { ...expiry, given, after };
  }

  test('comes when the next one ends, a millisecond from now at the earliest, and never without one', async () => {
    const { after } = start(1500);
    assert.deepEqual([await after(499), await after(1), await after(10_000)], [0, 1, 1]);
    const due = start(1000);
    assert.deepEqual([await due.after(0), await due.after(1)], [0, 1]);
    assert.equal(await start().after(10_000), 0);
  });

  test('comes sooner, and once, if a lease was taken that ends sooner', async () => {
    const { plan, given, after } = start(1500);
    given.ends = 1300;
    plan();
    assert.deepEqual([await after(299), await after(1), await after(10_000)], [0, 1, 1]);
  });

  test('does not come after the agent has stopped', async () => {
    const { stop, plan, after } = start(1500);
    await stop();
    assert.equal(await after(10_000), 0);
    plan();
    assert.equal(await after(10_000), 0);
  });

  test('is awaited by the agent that stops if it has begun, and not planned again', async () => {
    const { stop, given, after } = start(1500);
    const { promise, resolve } = Promise.withResolvers<void>();
    given.turn = promise;
    assert.equal(await after(500), 0, 'another change has its turn');
    let isStopped = false;
    const stopped = stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.equal(isStopped, false);
    resolve();
    await stopped;
    given.ends = 1600;
    assert.equal(await after(10_000), 1);
  });
});

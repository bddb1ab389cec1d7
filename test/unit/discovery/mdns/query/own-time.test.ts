import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startOwnTime } from '../../../../../src/discovery/mdns/query/own-time.ts';

describe('the time in which a search ran', () => {
  /** Waits of which each ends so many milliseconds after the time that was set for it. */
  async function after(late: number, ...waits: readonly number[]) {
    const set: number[] = [];
    const time = startOwnTime({
      waitUntil: async (end) => {
        set.push(end - clock);
        clock = Math.max(clock, end + late);
      },
    });
    const begun = time.now();
    for (const wait of waits) await time.waitUntil(time.now() + wait);
    return { ran: time.now() - begun, set };
  }
  let clock = 1000;

  test('does not count how long this process was stopped in a wait', async (context) => {
    context.mock.method(performance, 'now', () => clock);
    assert.deepEqual(await after(3_600_000, 10, 5), { ran: 15, set: [10, 5] });
  });

  test('counts what a busy machine takes beyond a wait, up to a fifth of a second', async (context) => {
    context.mock.method(performance, 'now', () => clock);
    assert.equal((await after(200, 10, 5)).ran, 415);
    assert.equal((await after(201, 10, 5)).ran, 15);
  });

  test('counts a wait that something new ended as long as it was', async (context) => {
    context.mock.method(performance, 'now', () => clock);
    assert.deepEqual(await after(-4, 10, 10), { ran: 12, set: [10, 10] });
  });

  test('passes in short waits, so that most of a long one is left after a stop', async (context) => {
    context.mock.method(performance, 'now', () => clock);
    assert.deepEqual(await after(60_000, 2000), { ran: 20, set: [20] });
  });

  test('counts what this process does between its waits', async (context) => {
    context.mock.method(performance, 'now', () => clock);
    const time = startOwnTime({ waitUntil: async () => {} });
    const begun = time.now();
    clock += 70;
    await time.waitUntil(begun + 10);
    assert.equal(time.now() - begun, 70);
  });
});

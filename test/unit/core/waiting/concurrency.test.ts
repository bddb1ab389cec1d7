import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defineLimit, defineMutex, defineSlots, mapLimited, once } from '../../../../src/core/waiting/concurrency.ts';

/** Work that ends when the test says so, and what of it has begun. */
function startWork() {
  const begun: number[] = [];
  const ends = new Map<number, PromiseWithResolvers<void>>();
  return {
    begun,
    run: async (item: number) => {
      begun.push(item);
      const end = Promise.withResolvers<void>();
      ends.set(item, end);
      await end.promise;
      return item * 10;
    },
    end: (item: number) => ends.get(item)?.resolve(),
    fail: (item: number) => ends.get(item)?.reject(new Error(`item ${item}`)),
  };
}

/** Lets every promise that is ready run on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('slots', () => {
  test('are given in the order of requests, and counted while callers wait', async () => {
    const slots = defineSlots(1);
    const release = await slots.take();
    const order: string[] = [];
    const first = slots.take().then((next) => {
      order.push('first');
      next();
    });
    const second = slots.take().then((next) => {
      order.push('second');
      next();
    });
    assert.equal(slots.waiting(), 2);
    release();
    await Promise.all([first, second]);
    assert.deepEqual(order, ['first', 'second']);
    assert.equal(slots.waiting(), 0);
  });

  test('are given to each party in turn, however many wait for one', async () => {
    const slots = defineSlots(1);
    const release = await slots.take('a');
    const order: string[] = [];
    const taking = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(async (name) => {
      const next = await slots.take(name[0]);
      order.push(name);
      next();
    });
    assert.deepEqual([slots.waiting(), slots.waiting('a'), slots.waiting('b'), slots.waiting('d')], [6, 3, 2, 0]);
    release();
    await Promise.all(taking);
    assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    assert.equal(slots.waiting(), 0);
  });

  test('go to the next in line before a later caller when they are released', async () => {
    const slots = defineSlots(1);
    const release = await slots.take();
    const order: string[] = [];
    const waiting = slots.take().then(() => order.push('waiting'));
    release();
    void slots.take().then(() => order.push('later'));
    await waiting;
    await settle();
    assert.deepEqual(order, ['waiting']);
  });
});

describe('a limit', () => {
  test('runs a fixed number at once, and another when one ends', async () => {
    const work = startWork();
    const limit = defineLimit(2);
    const all = [1, 2, 3].map((item) => limit(() => work.run(item)));
    await settle();
    assert.deepEqual(work.begun, [1, 2]);
    work.end(2);
    await settle();
    assert.deepEqual(work.begun, [1, 2, 3]);
    work.end(1);
    work.end(3);
    assert.deepEqual(await Promise.all(all), [10, 20, 30]);
  });

  test('passes the slot of failed work to the next', async () => {
    const mutex = defineMutex();
    await assert.rejects(
      mutex(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await mutex(async () => 'yes'), 'yes');
  });
});

describe('mapping with a limit', () => {
  test('keeps the order of the items, whichever ends first', async () => {
    const work = startWork();
    const all = mapLimited([1, 2, 3], 3, work.run);
    await settle();
    for (const item of [3, 1, 2]) work.end(item);
    assert.deepEqual(await all, [10, 20, 30]);
  });

  test('begins nothing after a failure, and waits for running work', async () => {
    const work = startWork();
    let ended = false;
    const all = mapLimited([1, 2, 3], 2, work.run).finally(() => {
      ended = true;
    });
    await settle();
    work.fail(1);
    await settle();
    assert.deepEqual(work.begun, [1, 2]);
    assert.equal(ended, false);
    work.end(2);
    await assert.rejects(all, /item 1/);
    assert.deepEqual(work.begun, [1, 2]);
  });

  test('does nothing for no items', async () => {
    assert.deepEqual(await mapLimited([], 4, () => assert.fail('there is nothing to do')), []);
  });
});

test('a value made by once is made at the first request only, even an undefined one', () => {
  let made = 0;
  const value = once(() => {
    made++;
    return undefined;
  });
  assert.equal(made, 0);
  assert.deepEqual([value(), value(), made], [undefined, undefined, 1]);
});

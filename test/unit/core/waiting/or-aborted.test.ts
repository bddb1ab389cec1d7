import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { orAborted, within } from '../../../../src/core/waiting/or-aborted.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

const never = new Promise<string>(() => {});
const long = 600_000;

describe('work that a signal cuts off', () => {
  test('gives its result or its own failure, and leaves no listener', async () => {
    const { signal } = new AbortController();
    assert.equal(await orAborted(Promise.resolve('done'), signal), 'done');
    await assert.rejects(orAborted(Promise.reject(new Error('broken')), signal), { message: 'broken' });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('ends with the reason of the signal, before or meanwhile, and gives away what comes late', async () => {
    const late: string[] = [];
    const keep = (one: string) => late.push(one);
    await assert.rejects(orAborted(Promise.resolve('first'), AbortSignal.abort(new Error('gone')), keep), {
      message: 'gone',
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    const caller = new AbortController();
    const waiting = assert.rejects(orAborted(promise, caller.signal, keep), { message: 'gone meanwhile' });
    caller.abort(new Error('gone meanwhile'));
    await waiting;
    assert.equal(getEventListeners(caller.signal, 'abort').length, 0);
    resolve('second');
    await promise;
    assert.deepEqual(late, ['first', 'second']);
  });

  test('gives a result to the caller alone if the signal comes between the two', async () => {
    const late: string[] = [];
    const caller = new AbortController();
    const work = Promise.resolve('done');
    const waiting = orAborted(work, caller.signal, (one) => late.push(one));
    await work;
    caller.abort(new Error('gone'));
    assert.equal(await waiting, 'done');
    assert.deepEqual(late, []);
  });

  test('may fail later, which nobody hears', async () => {
    const { promise, reject } = Promise.withResolvers<string>();
    const caller = new AbortController();
    const waiting = assert.rejects(orAborted(promise, caller.signal), { message: 'gone' });
    caller.abort(new Error('gone'));
    await waiting;
    reject(new Error('broken'));
    await assert.rejects(promise, { message: 'broken' });
  });
});

describe('work within a time', () => {
  test('gives its result or its own failure, and leaves no listener', async () => {
    const { signal } = new AbortController();
    assert.equal(await within(Promise.resolve('done'), long, signal), 'done');
    await assert.rejects(within(Promise.reject(new Error('broken')), long, signal), { message: 'broken' });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('may still be done by what arrived while this program was stopped', async () => {
    using delays = mockDelays();
    const greeted = Promise.withResolvers<string>();
    const waiting = within(greeted.promise, 1000, new AbortController().signal);
    await delays.stop(60_000);
    greeted.resolve('greeted');
    assert.equal(await waiting, 'greeted');
  });

  test('is given up when its time is over, and when its signal is aborted, before or meanwhile', async () => {
    await assert.rejects(within(never, 1, new AbortController().signal), { name: 'TimeoutError' });
    await assert.rejects(within(never, long, AbortSignal.abort(new Error('gone'))), { message: 'gone' });
    const caller = new AbortController();
    const waiting = assert.rejects(within(never, long, caller.signal), { message: 'gone meanwhile' });
    caller.abort(new Error('gone meanwhile'));
    await waiting;
  });
});

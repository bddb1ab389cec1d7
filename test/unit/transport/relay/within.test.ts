import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { within } from '../../../../src/transport/relay/within.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

const never = new Promise<string>(() => {});
const long = 600_000;

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

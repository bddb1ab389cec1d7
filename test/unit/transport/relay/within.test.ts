import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { within } from '../../../../src/transport/relay/within.ts';

const never = new Promise<string>(() => {});
const long = 600_000;

describe('work within a time', () => {
  test('gives its result or its own failure, and leaves no listener', async (t) => {
    const { signal } = new AbortController();
    const { any } = AbortSignal;
    const made: AbortSignal[] = [];
    t.mock.method(AbortSignal, 'any', (signals: AbortSignal[]) => {
      made.push(any.call(AbortSignal, signals));
      return made.at(-1);
    });
    assert.equal(await within(Promise.resolve('done'), long, signal), 'done');
    await assert.rejects(within(Promise.reject(new Error('broken')), long, signal), { message: 'broken' });
    assert.deepEqual(
      made.map((one) => getEventListeners(one, 'abort').length),
      [0, 0],
    );
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

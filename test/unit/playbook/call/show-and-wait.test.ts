import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replyToShow } from '../../../../src/playbook/call/reasons.ts';
import { sleep } from '../../../../src/playbook/call/sleep.ts';
import type { RunContext } from '../../../../src/playbook/context.ts';

test('the data of a reply is shown without secrets, also with as many long ones as short ones', () => {
  const taint = {
    texts: new Map([['a long secret', 1]]),
    brief: new Map([['s3', 1]]),
  } as unknown as RunContext['taint'];
  const shown = replyToShow({ message: '', data: { word: 'a long secret', pin: 's3' } }, taint);
  assert.deepEqual(shown.data, { word: '(hidden)', pin: '(hidden)' });
});

test('a wait that fails, though nobody interrupts the run, is a failure', async () => {
  const fails = (signal: AbortSignal) => ({ signal, ports: { sleep: () => Promise.reject(new Error('no timer')) } });
  await assert.rejects(sleep(fails(new AbortController().signal) as never, 5), /no timer/);
  const stop = new AbortController();
  const ports = { sleep: async () => Promise.reject(stop.abort() ?? new Error('stopped')) };
  await sleep({ signal: stop.signal, ports } as never, 5);
});

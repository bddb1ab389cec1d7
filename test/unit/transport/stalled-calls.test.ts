import assert from 'node:assert/strict';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { describe, test } from 'node:test';
import { endStalledCalls } from '../../../src/transport/stalled-calls.ts';
import { mockDelays } from '../../support/mock-delays.ts';

type Listener = Record<
  'onReceiveMetadata' | 'onReceiveMessage' | 'onReceiveHalfClose' | 'onCancel',
  (of?: unknown) => void
>;

/** A call that is limited to a second, as gRPC begins it. */
function start({ requestStream = false } = {}) {
  const [cut, heard]: [string[], string[]] = [[], []];
  const sent: (() => void)[] = [];
  let client: Listener | undefined;
  const inner = {
    start: (listener: Listener) => {
      client = listener;
    },
    sendMessage: (_message: unknown, callback: () => void) => sent.push(callback),
    sendMetadata: () => {},
    getPeer: () => '192.0.2.1:4000',
  } as unknown as ServerInterceptingCallInterface;
  const intercept = endStalledCalls(1000, (peer) => cut.push(peer));
  const call = intercept({ requestStream } as Parameters<typeof intercept>[0], inner);
  const hears = (what: string) => () => heard.push(what);
  const listener: Listener = {
    onReceiveMetadata: hears('metadata'),
    onReceiveMessage: hears('message'),
    onReceiveHalfClose: hears('end'),
    onCancel: hears('cancel'),
  };
  call.start(listener as unknown as Parameters<typeof call.start>[0]);
  return { call, cut, heard, sent, client: client as Listener };
}

describe('the time of a client for a call', () => {
  test('is over if it does not end its request, and stops at the end', async () => {
    using delays = mockDelays();
    const slow = start();
    slow.client.onReceiveMetadata();
    slow.client.onReceiveMessage('half');
    await delays.pass(999);
    assert.deepEqual(slow.cut, []);
    await delays.pass(1);
    assert.deepEqual(slow.cut, ['192.0.2.1:4000']);
    const quick = start();
    await delays.pass(999);
    quick.client.onReceiveHalfClose();
    await delays.pass(10_000);
    assert.deepEqual([quick.cut, quick.heard], [[], ['end']]);
  });

  test('is over if it does not read a reply, and begins with each reply', async () => {
    using delays = mockDelays();
    const { call, cut, sent, client } = start();
    client.onReceiveHalfClose();
    let done = 0;
    for (const message of ['one', 'two']) {
      call.sendMessage(message, () => done++);
      await delays.pass(999);
      sent.shift()?.();
    }
    await delays.pass(10_000);
    assert.deepEqual([done, cut], [2, []]);
    call.sendMessage('three', () => done++);
    await delays.pass(1000);
    assert.deepEqual([done, cut], [2, ['192.0.2.1:4000']]);
  });

  test('goes on for half of it after this program was stopped, so that what arrived meanwhile is read', async () => {
    using delays = mockDelays();
    const { cut, client } = start();
    await delays.stop(60_000);
    assert.deepEqual(cut, []);
    client.onReceiveHalfClose();
    await delays.pass(10_000);
    assert.deepEqual(cut, []);
  });

  test('has no limit for a stream of requests, but for each reply', async () => {
    using delays = mockDelays();
    const { call, cut } = start({ requestStream: true });
    await delays.pass(10_000);
    assert.deepEqual(cut, []);
    call.sendMessage('one', () => {});
    await delays.pass(1000);
    assert.equal(cut.length, 1);
  });

  test('counts no more when the call is cancelled, whatever was awaited', async () => {
    using delays = mockDelays();
    const { call, cut, client, heard } = start();
    call.sendMessage('one', () => {});
    client.onCancel();
    await delays.pass(10_000);
    assert.deepEqual([cut, heard], [[], ['cancel']]);
  });
});

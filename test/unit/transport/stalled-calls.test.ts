import assert from 'node:assert/strict';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { endStalledCalls } from '../../../src/transport/stalled-calls.ts';

type Listener = Record<
  'onReceiveMetadata' | 'onReceiveMessage' | 'onReceiveHalfClose' | 'onCancel',
  (of?: unknown) => void
>;

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

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
  test('is over if it does not end its request, and stops at the end', () => {
    const slow = start();
    slow.client.onReceiveMetadata();
    slow.client.onReceiveMessage('half');
    mock.timers.tick(999);
    assert.deepEqual(slow.cut, []);
    mock.timers.tick(1);
    assert.deepEqual(slow.cut, ['192.0.2.1:4000']);
    const quick = start();
    mock.timers.tick(999);
    quick.client.onReceiveHalfClose();
    mock.timers.tick(10_000);
    assert.deepEqual([quick.cut, quick.heard], [[], ['end']]);
  });

  test('is over if it does not read a reply, and begins with each reply', () => {
    const { call, cut, sent, client } = start();
    client.onReceiveHalfClose();
    let done = 0;
    for (const message of ['one', 'two']) {
      call.sendMessage(message, () => done++);
      mock.timers.tick(999);
      sent.shift()?.();
    }
    mock.timers.tick(10_000);
    assert.deepEqual([done, cut], [2, []]);
    call.sendMessage('three', () => done++);
    mock.timers.tick(1000);
    assert.deepEqual([done, cut], [2, ['192.0.2.1:4000']]);
  });

  test('has no limit for a stream of requests, but for each reply', () => {
    const { call, cut } = start({ requestStream: true });
    mock.timers.tick(10_000);
    assert.deepEqual(cut, []);
    call.sendMessage('one', () => {});
    mock.timers.tick(1000);
    assert.equal(cut.length, 1);
  });

  test('counts no more when the call is cancelled, whatever was awaited', () => {
    const { call, cut, client, heard } = start();
    call.sendMessage('one', () => {});
    client.onCancel();
    mock.timers.tick(10_000);
    assert.deepEqual([cut, heard], [[], ['cancel']]);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { ForwardRequest, SealedEvent, SealedRequest } from '../../../../src/core/wire/messages.ts';
import { type ForwardReader, relayEnd, startForwarding } from '../../../../src/transport/relay/forwarding.ts';

const bytes = Buffer.alloc(0);
const sealed: SealedRequest = { keyId: bytes, ephemeral: bytes, salt: bytes, ciphertext: Buffer.from('x') };
const part = (word: string): SealedEvent => ({ sequence: 0, last: false, salt: bytes, ciphertext: Buffer.from(word) });
const never = new AbortController().signal;

/** Forwarding over the relay `bastion`, and its streams. */
function start(refuse: () => Problem | undefined = () => undefined) {
  const streams: { reader: ForwardReader; written: ForwardRequest[]; cancelled: number }[] = [];
  const { forward, close } = startForwarding(
    (reader) => {
      const stream = { reader, written: [] as ForwardRequest[], cancelled: 0 };
      streams.push(stream);
      return { write: (request) => stream.written.push(request), cancel: () => stream.cancelled++ };
    },
    relayEnd('bastion', refuse),
  );
  const ask = (target: string, signal = never) => {
    const parts: string[] = [];
    const done = forward(target, sealed, ({ ciphertext }) => parts.push(ciphertext.toString()), signal);
    done.catch(() => {});
    return { done, parts };
  };
  const stream = (index = 0) => streams[index] ?? assert.fail('no stream was opened');
  return { ask, close, streams, stream };
}

describe('requests that go over a relay', () => {
  test('share one stream, under rising numbers, and each receives its own reply', async () => {
    const { ask, streams, stream } = start();
    const [one, two] = [ask('dev1'), ask('dev2')];
    assert.equal(streams.length, 1);
    assert.deepEqual(stream().written, [
      { id: 1, target: 'dev1', sealed, drop: false },
      { id: 2, target: 'dev2', sealed, drop: false },
    ]);
    const { event } = stream().reader;
    event({ id: 2, event: part('b') });
    event({ id: 1, event: part('a') });
    event({ id: 9, event: part('made up'), end: { code: '', message: '' } });
    event({ id: 1, event: part('c'), end: { code: '', message: '' } });
    await one.done;
    event({ id: 1, event: part('late') });
    event({ id: 2, end: { code: '', message: '' } });
    await two.done;
    assert.deepEqual([one.parts, two.parts], [['a', 'c'], ['b']]);
  });

  test('count as silence if the relay withholds the reply, in its words, up to 300 characters', async () => {
    for (const [message, detail] of [
      ['', 'busy'],
      ['it is full', 'busy, it is full'],
      ['x'.repeat(301), `busy, ${'x'.repeat(300)}`],
    ] as const) {
      const { ask, stream } = start();
      const { done } = ask('dev1');
      stream().reader.event({ id: 1, end: { code: 'busy', message } });
      await assert.rejects(done, {
        code: 'no-response',
        message: `dev1 did not answer over the relay bastion (it says: ${detail})`,
      });
    }
  });

  test('are refused without a stream if the relay must not be used any more', async () => {
    const revoked = new Problem('revoked-certificate', 'it was revoked');
    let isRevoked = false;
    const { ask, streams } = start(() => (isRevoked ? revoked : undefined));
    ask('dev1');
    isRevoked = true;
    await assert.rejects(ask('dev2').done, revoked);
    assert.deepEqual([streams.length, streams[0]?.written.length], [1, 1]);
  });
});

describe('a request over a relay that is cancelled', () => {
  const cancelled = { code: 'cancelled', message: 'the call to dev1 was cancelled' };

  test('is given up at the relay, and the others continue', async () => {
    const { ask, stream } = start();
    const cancel = new AbortController();
    const [one, two] = [ask('dev1', cancel.signal), ask('dev2')];
    cancel.abort();
    await assert.rejects(one.done, cancelled);
    assert.deepEqual(stream().written.slice(2), [{ id: 1, target: 'dev1', drop: true }]);
    stream().reader.event({ id: 1, event: part('late') });
    stream().reader.event({ id: 2, end: { code: '', message: '' } });
    await two.done;
    assert.deepEqual(one.parts, []);
  });

  test('is never sent if it was cancelled before', async () => {
    const { ask, streams } = start();
    await assert.rejects(ask('dev1', AbortSignal.abort()).done, cancelled);
    assert.equal(streams.length, 0);
  });

  test('is not given up any more once it has its reply', async () => {
    const { ask, stream } = start();
    const cancel = new AbortController();
    const { done } = ask('dev1', cancel.signal);
    stream().reader.event({ id: 1, end: { code: '', message: '' } });
    await done;
    cancel.abort();
    assert.equal(stream().written.length, 1);
  });
});

describe('a stream to a relay', () => {
  test('that is lost takes its requests with it, and the next request opens another', async () => {
    const { ask, streams, stream } = start();
    const waiting = [ask('dev1'), ask('dev2')];
    stream().reader.lost('ended the connection');
    for (const { done } of waiting) {
      await assert.rejects(done, { code: 'no-response', message: 'the relay bastion ended the connection' });
    }
    const next = ask('dev1');
    assert.deepEqual([streams.length, stream(1).written[0]?.id], [2, 3]);
    stream(0).reader.lost('ended the connection');
    stream(1).reader.event({ id: 3, end: { code: '', message: '' } });
    await next.done;
  });

  test('ends when it is closed, with its requests', async () => {
    const { ask, close, stream, streams } = start();
    const { done } = ask('dev1');
    close();
    await assert.rejects(done, { code: 'cancelled', message: 'the connection to the relay bastion is closed' });
    assert.equal(stream().cancelled, 1);
    close();
    assert.deepEqual([stream().cancelled, streams.length], [1, 1]);
    start().close();
  });
});

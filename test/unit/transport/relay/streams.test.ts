import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners } from 'node:events';
import { type Client, Metadata, status } from '@grpc/grpc-js';
import { describe, test } from 'node:test';
import { readStream } from '../../../../src/transport/relay/streams.ts';

/** A stream of replies that a test makes, and its reading. */
function start(signal: AbortSignal) {
  const messages: string[] = [];
  let cancels = 0;
  const stream = Object.assign(new EventEmitter(), { cancel: () => cancels++ });
  const client = { makeServerStreamRequest: () => stream } as unknown as Client;
  const method = {} as Parameters<typeof readStream<string, string>>[1];
  const read = readStream(client, method, 'all', 'dev2.devco.net', (one: string) => messages.push(one), signal);
  return { stream, read, messages, cancels: () => cancels };
}

describe('a stream of replies', () => {
  test('is read to its end, and leaves no listener', async () => {
    const { signal } = new AbortController();
    const { stream, read, messages, cancels } = start(signal);
    for (const one of ['a', 'b']) stream.emit('data', one);
    stream.emit('end');
    await read;
    assert.deepEqual([messages, cancels(), getEventListeners(signal, 'abort')], [['a', 'b'], 0, []]);
  });

  test('is refused as the other side ends it, by its name', async () => {
    const { signal } = new AbortController();
    const { stream, read } = start(signal);
    stream.emit(
      'error',
      Object.assign(new Error(), { code: status.UNAVAILABLE, details: '', metadata: new Metadata() }),
    );
    const message = 'the connection to dev2.devco.net was lost';
    await assert.rejects(read, { code: 'no-response', message });
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });

  test('is cancelled when nobody waits for it any more, or never did', () => {
    const caller = new AbortController();
    const { cancels } = start(caller.signal);
    caller.abort();
    assert.equal(cancels(), 1);
    assert.equal(start(caller.signal).cancels(), 1);
  });
});

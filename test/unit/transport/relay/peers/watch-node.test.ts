import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { watchNode } from '../../../../../src/transport/relay/peers/watch-node.ts';
import { mockDelays } from '../../../../support/mock-delays.ts';

/** A watched connection: what is sent over it, and “the end”. */
function watch({ isIdle = (): boolean => false, isOutdated = (): boolean => false } = {}) {
  const sent: (Buffer | string)[] = [];
  const socket = {
    bytesRead: 0,
    isPaused: () => false,
    destroy: () => sent.push('the end'),
    write: (bytes: Buffer) => sent.push(bytes),
  };
  const stop = watchNode(socket as unknown as TLSSocket, isIdle, isOutdated);
  return { sent, stop, hear: () => socket.bytesRead++ };
}
const question = Buffer.alloc(4);

describe('a connection to a node', () => {
  test('asks a silent node with an empty message, and gives it ten seconds to answer', async () => {
    using clock = mockDelays();
    const { sent, hear } = watch();
    await clock.pass(30_000);
    assert.deepEqual(sent, []);
    await clock.pass(30_000);
    assert.deepEqual(sent, [question]);
    hear();
    await clock.pass(10_000);
    await clock.pass(30_000);
    assert.deepEqual(sent, [question, question]);
    await clock.pass(9_999);
    assert.equal(sent.length, 2);
    await clock.pass(1);
    assert.deepEqual(sent, [question, question, 'the end']);
    await clock.pass(60_000);
    assert.equal(sent.length, 3, 'it is watched no more');
  });

  test('asks no node that sends something, and looks again after half a minute', async () => {
    using clock = mockDelays();
    const { sent, hear } = watch();
    for (let turn = 0; turn < 12; turn++) {
      if (turn % 3 === 0) hear();
      await clock.pass(10_000);
    }
    assert.deepEqual(sent, []);
    await clock.pass(30_000);
    assert.deepEqual(sent, [question]);
  });

  test('ends once a certificate has changed and nothing waits for a reply', async () => {
    using clock = mockDelays();
    let [isIdle, isOutdated] = [true, false];
    const { sent, hear } = watch({ isIdle: () => isIdle, isOutdated: () => isOutdated });
    await clock.pass(30_000);
    [isIdle, isOutdated] = [false, true];
    hear();
    await clock.pass(30_000);
    assert.deepEqual(sent, []);
    isIdle = true;
    hear();
    await clock.pass(30_000);
    assert.deepEqual(sent, ['the end']);
  });

  test('ends after an hour or two, once nothing waits for a reply: the node may have another certificate and another key', async (context) => {
    let [time, isIdle] = [1000, false];
    context.mock.method(performance, 'now', () => time);
    context.mock.method(Math, 'random', () => 0.5);
    using clock = mockDelays();
    const { sent, hear } = watch({ isIdle: () => isIdle });
    const look = async (now: number) => {
      time = now;
      hear();
      await clock.pass(30_000);
      return sent.at(-1);
    };
    const hourAndHalf = 1000 + 5_400_000;
    assert.equal(await look(hourAndHalf + 1), undefined);
    isIdle = true;
    assert.equal(await look(hourAndHalf), undefined);
    assert.equal(await look(hourAndHalf + 1), 'the end');
  });

  test('is watched until that is ended', async () => {
    using clock = mockDelays();
    const { sent, stop } = watch();
    await clock.pass(30_000);
    stop();
    await clock.pass(60_000);
    assert.deepEqual(sent, []);
  });
});

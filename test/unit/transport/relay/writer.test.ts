import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { localEventCodec } from '../../../../src/core/wire/codec.ts';
import type { LocalEvent } from '../../../../src/core/wire/messages.ts';
import { startFrames } from '../../../../src/transport/relay/frames/frames.ts';
import { startWriter } from '../../../../src/transport/relay/users/writer.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const found = (id: number, node: string): Partial<LocalEvent> => ({
  discovered: { id, node: { node, path: [], lastHeard: 0 } },
});

/** A writer to a user that takes one write after the other, when the test lets it. */
function start(most = 1024 * 1024) {
  const messages: Buffer[] = [];
  const frames = startFrames(
    1024 * 1024,
    () => {},
    (message) => messages.push(message),
  );
  frames.take(Buffer.from('mco-relay/1\n'));
  const waiting: (() => void)[] = [];
  let isReading = false;
  const socket = new Duplex({
    highWaterMark: 200,
    read: () => {},
    write: (chunk, _encoding, done) => {
      frames.take(chunk);
      if (isReading) done();
      else waiting.push(done);
    },
  });
  const tooMuch: number[] = [];
  const writer = startWriter(socket as unknown as Socket, most, () => tooMuch.push(messages.length));
  const readAll = async () => {
    isReading = true;
    for (const done of waiting.splice(0)) done();
    await someTurns();
    return messages.map((message) => localEventCodec.decode(message).discovered?.node?.node ?? '');
  };
  return { socket, writer, tooMuch, readAll, written: () => messages.length };
}

test('a long list is written in its order as it is read, and is never too much by its length', async () => {
  const { writer, tooMuch, readAll } = start(20 * 1024);
  const names = Array.from({ length: 3000 }, (_, index) => `dev${index}.devco.net`);
  for (const name of names) writer.sendLater(found(1, name) as LocalEvent);
  assert.deepEqual(tooMuch, []);
  assert.equal(writer.isIdle(), false);
  assert.deepEqual(await readAll(), names);
  assert.equal(writer.isIdle(), true);
  writer.sendLater(found(1, 'later') as LocalEvent);
  assert.equal((await readAll()).at(-1), 'later');
});

test('what is sent at once counts in full: beyond the limit it is too much', () => {
  const { writer, tooMuch } = start(3 * 700);
  for (let index = 0; index < 3; index++) writer.send(found(1, 'x'.repeat(100)) as LocalEvent);
  assert.deepEqual(tooMuch, []);
  writer.send(found(1, 'one more') as LocalEvent);
  assert.equal(tooMuch.length, 1);
});

test('65,536 messages may wait until others are read, and no more', () => {
  const { writer, tooMuch, written } = start();
  let sent = 0;
  for (; tooMuch.length === 0 && sent < 100_000; sent++) writer.sendLater(found(1, 'x'.repeat(300)) as LocalEvent);
  // The first was written at once.
  assert.deepEqual([written(), sent], [1, 1 + 65_536 + 1]);
});

test('to be asked is answered at once, unless something waits that shows the same; nothing is written after the end', async () => {
  const { socket, writer, readAll } = start();
  writer.answer();
  writer.answer();
  assert.deepEqual(await readAll(), ['']);
  writer.answer();
  assert.deepEqual(await readAll(), ['', '']);
  socket.destroy();
  writer.answer();
  writer.send(found(1, 'late') as LocalEvent);
  writer.sendLater(found(1, 'late') as LocalEvent);
  assert.deepEqual(await readAll(), ['', '']);
  assert.equal(writer.isIdle(), true);
});

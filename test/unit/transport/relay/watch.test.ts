import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { countUnread, mostUnread, startCrowd } from '../../../../src/transport/relay/service/unread.ts';
import { watchSilence } from '../../../../src/transport/relay/frames/watch-silence.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

test('what waits counts as stuck after a time without progress, and only while something waits', (context) => {
  let now = 1000;
  context.mock.method(performance, 'now', () => now);
  const unread = countUnread(3000);
  assert.deepEqual([unread.isNone(), unread.isStuck(100)], [true, false]);
  now += 500;
  const first = unread.add(10);
  now += 60;
  const second = unread.add(10);
  now += 40;
  assert.deepEqual([unread.isNone(), unread.isStuck(100)], [false, false]);
  now += 1;
  assert.equal(unread.isStuck(100), true);
  first();
  assert.deepEqual([unread.isNone(), unread.isStuck(100)], [false, false]);
  now += 101;
  assert.equal(unread.isStuck(100), true);
  second();
  assert.deepEqual([unread.isNone(), unread.isStuck(100)], [true, false]);
});

test('the replies of 64 nodes may wait for one user, unless too much waits for all users together', () => {
  const crowd = startCrowd();
  const users = Array.from({ length: 7 }, () => countUnread(mostUnread, crowd));
  const replies = users.map((user) => Array.from({ length: 64 }, () => user.add(600 * 1024)));
  assert.equal(
    users.some((user) => user.isTooMuch()),
    true,
    'more than 256 MiB together',
  );
  // One of them has read its replies, another has gone.
  for (const sent of replies[0] ?? []) sent();
  users[1]?.end();
  for (const sent of replies[1] ?? []) sent();
  assert.equal(crowd.bytes, 5 * 64 * (600 * 1024 + 512));
  assert.deepEqual(
    users.map((user) => user.isTooMuch()),
    users.map(() => false),
  );
  users[6]?.add(64 * 1024 * 1024);
  assert.equal(users[6]?.isTooMuch(), true, 'more than 64 MiB for one');
  // A user with little is never ended for what others leave.
  const [modest] = users;
  modest?.add(16 * 1024 * 1024 - 512);
  assert.deepEqual([modest?.isTooMuch(), users[2]?.isTooMuch()], [false, true]);
});

/** A watched socket that sends nothing by itself, and what was done to it. */
function watched({ isNeeded = () => true as boolean, isOver = () => false as boolean } = {}) {
  const done: string[] = [];
  const socket = {
    bytesRead: 0,
    isPaused: () => false,
    write: (bytes: Buffer) => void done.push(`write ${bytes.length}`),
    destroy: () => void done.push('destroy'),
  };
  const stop = watchSilence(socket as unknown as Socket, { silence: 100, answer: 10 }, isNeeded, isOver);
  return { socket, done, stop };
}

test('a side that is silent is asked once, and given up without an answer in time', async () => {
  using clock = mockDelays();
  const { done } = watched();
  await clock.pass(100);
  assert.deepEqual(done, []);
  await clock.pass(100);
  assert.deepEqual(done, ['write 4']);
  await clock.pass(9);
  assert.deepEqual(done, ['write 4']);
  await clock.pass(1);
  assert.deepEqual(done, ['write 4', 'destroy']);
});

test('a side that answers, or sends anything, is left alone for the next while', async () => {
  using clock = mockDelays();
  const { socket, done } = watched();
  await clock.pass(100);
  await clock.pass(100);
  socket.bytesRead++;
  await clock.pass(10);
  socket.bytesRead++;
  await clock.pass(100);
  assert.deepEqual(done, ['write 4']);
  await clock.pass(100);
  assert.deepEqual(done, ['write 4', 'write 4']);
});

test('an answer that arrives while this program was stopped is read before the other side is given up', async () => {
  using clock = mockDelays();
  const { socket, done } = watched();
  await clock.pass(100);
  await clock.pass(100);
  // The timer ends first; what waits in the kernel is read in the same turn of the event loop.
  setImmediate(() => {
    socket.bytesRead++;
  });
  await clock.pass(10);
  assert.deepEqual(done, ['write 4']);
});

test('a silent side is neither asked nor given up while no answer matters, or after the watch has ended', async () => {
  using clock = mockDelays();
  let isNeeded = false;
  const { done, stop } = watched({ isNeeded: () => isNeeded });
  for (let look = 0; look < 5; look++) await clock.pass(100);
  assert.deepEqual(done, []);
  isNeeded = true;
  await clock.pass(100);
  assert.deepEqual(done, ['write 4']);
  // What was asked for has come meanwhile.
  isNeeded = false;
  await clock.pass(10);
  assert.deepEqual(done, ['write 4']);
  isNeeded = true;
  await clock.pass(100);
  assert.deepEqual(done, ['write 4', 'write 4']);
  stop();
  await clock.pass(10);
  assert.deepEqual(done, ['write 4', 'write 4']);
});

test('a side is not silent while what it sent waits to be taken, and not given up once the watch has ended', async () => {
  using clock = mockDelays();
  const paused = watched();
  paused.socket.isPaused = () => true;
  for (let look = 0; look < 4; look++) await clock.pass(100);
  assert.deepEqual(paused.done, []);
  const left = watched();
  await clock.pass(100);
  await clock.pass(100);
  const passing = clock.pass(10);
  left.stop();
  await passing;
  assert.deepEqual(left.done, ['write 4']);
});

test('a connection that is over is ended at the next look, although the other side answers', async () => {
  using clock = mockDelays();
  let isOver = false;
  const { socket, done } = watched({ isOver: () => isOver });
  socket.bytesRead++;
  await clock.pass(100);
  assert.deepEqual(done, []);
  isOver = true;
  socket.bytesRead++;
  await clock.pass(100);
  assert.deepEqual(done, ['destroy']);
});

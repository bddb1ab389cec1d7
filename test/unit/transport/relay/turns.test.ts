import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startTurns } from '../../../../src/transport/relay/users/turns.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const message = (index: number) => Buffer.from([index]);

/** Turns of which each message takes two milliseconds, and what they did. */
function start({ mock }: TestContext) {
  let now = 0;
  // A clock that another one replaced would come back at the end of the test.
  mock.restoreAll();
  mock.method(performance, 'now', () => now);
  const done: unknown[] = [];
  const socket = { pause: () => void done.push('pause'), resume: () => void done.push('resume') };
  const turns = startTurns(socket as unknown as Socket, ([index = 0]) => {
    now += 2;
    done.push(index);
  });
  return { turns, done };
}

test('messages are taken in order, a few in each turn, and nothing more is read until all are taken', async (context) => {
  const { turns, done } = start(context);
  for (let index = 0; index < 5; index++) turns.add(message(index));
  turns.start();
  assert.deepEqual(done, ['pause', 0, 1]);
  await turn();
  assert.deepEqual(done, ['pause', 0, 1, 2, 3]);
  await turn();
  assert.deepEqual(done, ['pause', 0, 1, 2, 3, 4, 'resume']);
  turns.start();
  assert.equal(done.length, 7);
  turns.add(message(5));
  turns.start();
  assert.deepEqual(done.slice(7), ['pause', 5, 'resume']);
});

test('reading goes on in the turn that takes the last message, also if its time is over', async (context) => {
  const { turns, done } = start(context);
  for (let index = 0; index < 4; index++) turns.add(message(index));
  turns.start();
  await turn();
  assert.deepEqual(done, ['pause', 0, 1, 2, 3, 'resume']);
});

test('what is left is taken at once, or forgotten', async (context) => {
  for (const isTaken of [true, false]) {
    const { turns, done } = start(context);
    for (let index = 0; index < 4; index++) turns.add(message(index));
    turns.start();
    if (isTaken) turns.finish();
    else turns.drop();
    const taken = () => done.filter((one) => typeof one === 'number');
    assert.deepEqual(taken(), isTaken ? [0, 1, 2, 3] : [0, 1]);
    await turn();
    assert.deepEqual(taken(), isTaken ? [0, 1, 2, 3] : [0, 1]);
  }
});

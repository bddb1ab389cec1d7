import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { RelayService } from '../../../../src/core/ports.ts';
import { localRequestCodec } from '../../../../src/core/wire/codec.ts';
import { frame, greeting } from '../../../../src/transport/relay/frames/frames.ts';
import { serveUser } from '../../../../src/transport/relay/users/serve.ts';
import { someTurns } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { echoing, sealed } from '../../../support/relay/local-relay.ts';

const empty = frame(Buffer.alloc(0));
const request = (id: number, target: string, drop = false) =>
  frame(localRequestCodec.encode({ forward: { id, target, sealed: sealed(''), drop } }));

/** A relay’s side of a user’s connection, on a clock that the test moves on. */
function start(context: { mock: { method: typeof import('node:test').mock.method } }, relay: RelayService = echoing) {
  let now = 5000;
  context.mock.method(performance, 'now', () => now);
  const written: Buffer[] = [];
  const cuts: string[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  const timeouts: number[] = [];
  Object.assign(socket, { setTimeout: (milliseconds: number) => timeouts.push(milliseconds) });
  const limits = { message: 1000, unread: 10_000, discoveries: 2, stall: 1000, quiet: 3 };
  const log = keepingLog();
  serveUser(socket as unknown as Socket, { relay, user: () => 'local', log }, limits, (doing) => cuts.push(doing));
  const receive = async (bytes: Buffer) => {
    socket.push(bytes);
    await someTurns();
  };
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  /** Nothing came or went for a while. */
  const silence = async () => {
    socket.emit('timeout');
    await someTurns();
  };
  return { socket, written, cuts, timeouts, receive, pass, silence };
}

test('a user without a request loses the connection after a time, also if it asks whether the relay is there', async (context) => {
  const { socket, written, cuts, receive, pass } = start(context);
  await receive(greeting);
  pass(2999);
  await receive(empty);
  assert.deepEqual(written, [greeting, empty]);
  assert.equal(socket.destroyed, false);
  pass(1);
  await receive(empty);
  assert.deepEqual([socket.destroyed, cuts], [true, []]);
});

test('a user keeps the connection after a request, and while one waits', async (context) => {
  const { socket, receive, pass, silence } = start(context);
  await receive(greeting);
  pass(2999);
  await receive(request(1, 'echo'));
  pass(2999);
  await receive(empty);
  assert.equal(socket.destroyed, false);
  await receive(request(2, 'hold'));
  pass(100_000);
  await receive(empty);
  assert.equal(socket.destroyed, false);
  await receive(request(2, 'hold', true));
  pass(2999);
  await receive(empty);
  assert.equal(socket.destroyed, false);
  pass(1);
  await silence();
  assert.equal(socket.destroyed, true);
});

test('a user that sends nothing for a while is looked at again, unless a message is not complete', async (context) => {
  const { socket, timeouts, receive, silence, cuts } = start(context);
  await receive(greeting);
  await silence();
  assert.deepEqual([socket.destroyed, timeouts], [false, [1000, 1000]]);
  await receive(Buffer.from([0, 0, 0]));
  await silence();
  assert.deepEqual([socket.destroyed, cuts], [true, ['does not finish a message']]);
});

test('a message that arrived while the relay was stopped is read before the user is judged', async (context) => {
  const { socket, timeouts, receive, cuts } = start(context);
  await receive(greeting);
  await receive(Buffer.from([0, 0, 0]));
  socket.emit('timeout');
  Object.assign(socket, { bytesRead: 1 });
  await someTurns();
  assert.deepEqual([socket.destroyed, cuts, timeouts.length], [false, [], 2]);
});

test('the end of a connection gives up what waits', async (context) => {
  const given: string[] = [];
  const forward: RelayService['forward'] = async (target, _request, _user, _onEvent, over) => {
    given.push(target);
    await once(over, 'abort');
    given.push(`${target} given up`);
  };
  const { socket, receive } = start(context, { ...echoing, forward });
  await receive(greeting);
  await receive(request(1, 'one'));
  socket.destroy();
  await someTurns();
  assert.deepEqual(given, ['one', 'one given up']);
});

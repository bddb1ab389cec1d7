import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { NodeService } from '../../../../../src/core/ports.ts';
import { forwardEventCodec, signedKeyCodec } from '../../../../../src/core/wire/codec.ts';
import { frame, greeting } from '../../../../../src/transport/relay/frames/frames.ts';
import { sealedLimits, startSealedServer } from '../../../../../src/transport/relay/peers/serve.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { someTurns } from '../../../../support/mock-delays.ts';
import { keepingLog } from '../../../../support/node/quiet-log.ts';
import { sealed } from '../../../../support/relay/local-relay.ts';
import { part, request } from '../../../../support/relay/sealed-node.ts';

let fleet: Fleet;
let node: Member;
let relay: Member;
before(async () => {
  fleet = await makeFleet();
  [node, relay] = await Promise.all([fleet.node('dev1'), fleet.node('bastion', { relay: true })]);
});
after(() => fleet.remove());

const key = { key: Buffer.alloc(65), signature: Buffer.alloc(64), chain: [] };
const keyFrame = frame(signedKeyCodec.encode(key));
const empty = frame(Buffer.alloc(0));
const echo: NodeService['sealed'] = async ({ ciphertext }, _peer, sink) => sink.send(part(Buffer.from(ciphertext)));
const answer = (id: number, text: string) =>
  frame(forwardEventCodec.encode({ id, end: { code: '', message: '' }, event: part(text) }));

interface Options {
  readonly serve?: NodeService['sealed'];
  /** Bytes that may wait for the relay. */
  readonly unread?: number;
  /** The certificate of the other side. */
  readonly certificate?: Buffer;
}

/** A node’s side of a connection. What it writes arrives only when the relay reads. */
function connect({ serve = echo, unread = 100 * 1024, certificate = relay.certificate.raw }: Options = {}) {
  const written: Buffer[] = [];
  let next = () => {};
  const stalls: number[] = [];
  const warnings: unknown[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      written.push(chunk);
      next = done;
    },
  });
  const ends: number[] = [];
  const end = socket.end.bind(socket);
  Object.assign(socket, {
    remoteAddress: '10.0.0.9',
    remotePort: 4711,
    getPeerCertificate: () => ({ raw: certificate }),
    setTimeout: (milliseconds: number) => stalls.push(milliseconds),
    end: () => {
      ends.push(1);
      return end();
    },
  });
  const log = { ...keepingLog(), warn: (fields: object, message: string) => void warnings.push([fields, message]) };
  const service = { key: () => key, sealed: serve, enter: () => () => {}, turnAway: async () => {} };
  const limits = { request: 1024, reply: 1024, requests: 1024, unread, stall: 1000 };
  const tls = () => ({ credentials: node.credentials, trust: fleet.trust });
  const server = startSealedServer({ service, tls, log }, limits);
  server.serve(socket as unknown as TLSSocket);
  return {
    socket,
    log,
    warnings,
    stop: server.close,
    ends: () => ends.length,
    stalls,
    /** Nothing came or went for a while. */
    stall: async () => {
      socket.emit('timeout');
      await someTurns();
    },
    wrote: () => Buffer.concat(written),
    /** The relay sends that. */
    receive: async (...bytes: readonly Buffer[]) => {
      socket.push(Buffer.concat(bytes));
      await someTurns();
    },
    /** The relay reads that many messages, if they wait. */
    read: async (messages = 1) => {
      for (let left = messages; left > 0; left--) {
        const take = next;
        next = () => {};
        take();
        await someTurns();
      }
    },
  };
}

const cut = (caller: string) => [
  { caller, peer: '10.0.0.9:4711' },
  'a relay neither sends nor reads: connection closed',
];

test('a node takes requests of a megabyte, replies of four, and 64 of them at a time', () => {
  const megabyte = 1024 * 1024;
  const [requests, unread] = [64 * megabyte, 64 * megabyte];
  assert.deepEqual(sealedLimits(7), { request: megabyte, reply: 4 * megabyte, requests, unread, stall: 7 });
});

describe('a node that a relay connects to', () => {
  test('greets, sends its key, answers requests and says that it is there', async () => {
    const { receive, read, wrote } = connect();
    assert.deepEqual(wrote(), greeting);
    await receive(greeting);
    await read(2);
    await receive(empty);
    await read();
    await receive(request({ id: 1, sealed: sealed('one') }));
    await read();
    assert.deepEqual(wrote(), Buffer.concat([greeting, keyFrame, empty, answer(1, 'one')]));
  });

  test('sends no reply to a request that the relay gave up', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { receive, read, wrote } = connect({ serve: async (...args) => held.then(() => echo(...args)) });
    await receive(greeting, request({ id: 1, sealed: sealed('one') }), request({ id: 1, drop: true }));
    release();
    await read(3);
    assert.deepEqual(wrote(), Buffer.concat([greeting, keyFrame]));
  });

  test('does not say that it is there to one that reads nothing: what waits for it says that', async () => {
    const { receive, read, wrote } = connect();
    await receive(greeting);
    await read();
    await receive(empty);
    await read(2);
    assert.deepEqual(wrote(), Buffer.concat([greeting, keyFrame]));
    await receive(empty);
    assert.deepEqual(wrote(), Buffer.concat([greeting, keyFrame, empty]));
  });

  test('ends it for a message that is none, and for anybody but a node', async () => {
    const { receive, socket, log } = connect();
    await receive(greeting, frame(Buffer.from([0xff])));
    assert.ok(socket.destroyed);
    assert.deepEqual(log.lines, ['debug a connection of a relay is ended']);
    const operator = await fleet.operator('rip');
    for (const certificate of [operator.certificate.raw, fleet.authority.certificate.raw]) {
      assert.ok(connect({ certificate }).socket.destroyed);
    }
    assert.ok(!connect().socket.destroyed);
  });

  test('ends it after the replies that wait, when it stops, whatever is still asked', async () => {
    const { socket, receive, read, stop, wrote } = connect();
    await receive(greeting, request({ id: 1, sealed: sealed('one') }));
    stop();
    const finished = once(socket, 'finish');
    await receive(request({ id: 2, sealed: sealed('two') }), empty);
    assert.ok(!socket.destroyed);
    await read(3);
    await finished;
    assert.deepEqual(wrote(), Buffer.concat([greeting, keyFrame, answer(1, 'one')]));
  });

  test('ends it once when it stops, and not one that is over', async () => {
    const [open, over] = [connect(), connect()];
    over.socket.destroy();
    await someTurns();
    for (const { stop } of [open, over]) stop();
    assert.deepEqual([open.ends(), over.ends()], [1, 0]);
  });
});

describe('a relay that reads nothing', () => {
  test('loses its connection once too many bytes wait, with 512 for each message', async () => {
    const waits = keyFrame.length + 512;
    for (const [unread, isEnded] of [
      [waits, false],
      [waits - 1, true],
    ] as const) {
      const { receive, socket } = connect({ unread });
      await receive(greeting);
      assert.equal(socket.destroyed, isEnded, `${unread}`);
    }
    const { receive, socket, wrote } = connect({ serve: async () => {} });
    await receive(greeting, Buffer.alloc(4 * 1000));
    assert.deepEqual([wrote(), socket.destroyed], [greeting, false], 'to be asked often takes nothing');
    for (let id = 1; id <= 250; id++) await receive(request({ id }));
    assert.ok(socket.destroyed);
  });

  test('loses its connection after a while without progress, as one does that sends half a message', async () => {
    const { receive, read, stall, stalls, socket, warnings } = connect();
    assert.deepEqual(stalls, [1000]);
    await receive(greeting);
    await read(2);
    await stall();
    assert.ok(!socket.destroyed, 'it has read all, and owes nothing');
    await receive(empty);
    await stall();
    assert.ok(socket.destroyed, 'one message waits for it');
    assert.deepEqual(warnings, [cut('node=bastion')]);
    const half = connect();
    await half.receive(greeting);
    await half.read(2);
    await half.receive(Buffer.from([0, 0, 1]));
    await half.stall();
    assert.ok(half.socket.destroyed);
  });

  test('is judged only after what arrived while the node was stopped was read', async () => {
    const { receive, read, stall, socket } = connect();
    await receive(greeting);
    await read(2);
    await receive(Buffer.from([0, 0, 1]));
    const judged = stall();
    Object.assign(socket, { bytesRead: 1 });
    await judged;
    assert.ok(!socket.destroyed);
  });

  describe('and still sends', () => {
    /** A connection at this time, on which all was read. */
    const begin = async (context: TestContext, start: number) => {
      let now = start;
      context.mock.method(performance, 'now', () => now);
      const side = connect();
      await side.receive(greeting);
      await side.read(2);
      const at = async (time: number, ...bytes: readonly Buffer[]) => {
        now = time;
        await side.receive(...bytes);
        return side.socket.destroyed;
      };
      return { ...side, at };
    };
    const ask = (id: number) => request({ id, sealed: sealed('x') });

    test('loses its connection when the first of what waits has waited for too long', async (context) => {
      const { at, warnings } = await begin(context, 5000);
      assert.equal(await at(9000, ask(1)), false, 'nothing waits');
      assert.equal(await at(9500, ask(2)), false);
      assert.equal(await at(10_000, ask(3)), false);
      assert.deepEqual(warnings, []);
      assert.equal(await at(10_001, ask(4)), true);
      assert.deepEqual(warnings, [cut('node=bastion')]);
    });

    test('loses its connection also if a single message waits', async (context) => {
      const { at } = await begin(context, 5000);
      assert.equal(await at(9000, ask(1)), false);
      assert.equal(await at(10_001, ask(2)), true);
    });

    test('keeps its connection for as long as it reads one message after the other', async (context) => {
      const { at, read } = await begin(context, 5000);
      assert.equal(await at(9000, ask(1), ask(2)), false);
      assert.equal(await at(9900), false);
      await read();
      assert.equal(await at(10_900, ask(3)), false);
      assert.equal(await at(10_901, ask(4)), true);
    });
  });
});

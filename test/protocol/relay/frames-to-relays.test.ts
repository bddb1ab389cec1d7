import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { NodeService, RelayService, TlsState } from '../../../src/core/ports.ts';
import { localEventCodec, localRequestCodec } from '../../../src/core/wire/codec.ts';
import type { LocalEvent, LocalRequest, SealedEvent } from '../../../src/core/wire/messages.ts';
import { startConnections } from '../../../src/transport/connections/connections.ts';
import type { RelayConnection } from '../../../src/transport/relay/connection.ts';
import { createRelayDial } from '../../../src/transport/relay/dial-relay.ts';
import { frame, greeting } from '../../../src/transport/relay/frames/frames.ts';
import { relayProtocol } from '../../../src/transport/relay/frames/protocols.ts';
import { createGrpcRelayDial } from '../../../src/transport/relay/relay-connection.ts';
import { startGrpcServer } from '../../../src/transport/server/grpc.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { mockDelays } from '../../support/mock-delays.ts';
import { roomyLimits } from '../../support/node/listen-limits.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { echoing, sealed } from '../../support/relay/local-relay.ts';
import {
  connectSealed,
  endOf,
  type RawSide,
  startHostileNode,
  startSealedNode,
} from '../../support/relay/sealed-node.ts';
import { rejection } from '../../support/thrown.ts';
import { until, within } from '../../support/until.ts';

const { signal } = new AbortController();
const ignore = () => {};
const name = 'bastion.devco.net';
let fleet: Fleet;
let relay: Member;
let operator: Member;
let relayTls: () => TlsState;
before(async () => {
  fleet = await makeFleet();
  relay = await fleet.node(name, { relay: true });
  operator = await fleet.operator('rip@devco.net');
  relayTls = () => ({ credentials: relay.credentials, trust: fleet.trust });
});
after(() => fleet.remove());

const unused: NodeService['sealed'] = () => Promise.reject(new Error('this node only relays'));
const startRelay = (service: RelayService = echoing, limits: { stall?: number; idle?: number } = {}) =>
  startSealedNode(relayTls, unused, { relay: service, ...limits });
const tlsOf =
  ({ credentials }: Member) =>
  () => ({ credentials, trust: fleet.trust });
const dial = (port: number, as = operator) =>
  createRelayDial(tlsOf(as), 5000)(name, [{ host: '127.0.0.1', port }], signal);

/** The text of a reply. */
async function ask(connection: RelayConnection, text: string): Promise<string> {
  const parts: SealedEvent[] = [];
  await connection.forward('echo', sealed(text), (event) => parts.push(event), signal);
  return parts.map(({ ciphertext }) => ciphertext.toString()).join();
}

async function namesOf(connection: RelayConnection, names: string[]): Promise<string[]> {
  const found: string[] = [];
  await connection.discover({ timeout: 0, names }, ({ node }) => found.push(node), signal);
  return found;
}

/** An operator that sends what it likes. */
const connectRaw = (port: number, as = operator, greet = true) => connectSealed(port, as, greet, relayProtocol);
const request = (message: Partial<LocalRequest>) => frame(localRequestCodec.encode(message));
const forward = (id: number, text = '', target = 'echo') =>
  request({ forward: { id, target, sealed: sealed(text), drop: false } });
const eventsOf = ({ messages }: RawSide): LocalEvent[] => messages.map((message) => localEventCodec.decode(message));

describe('an operator and a relay over TLS', () => {
  test('send many requests over one connection, each with its own reply, and discover', async () => {
    await using listener = await startRelay();
    const connection = await dial(listener.port);
    const texts = Array.from({ length: 300 }, (_, index) => `request ${index}`);
    assert.deepEqual(await Promise.all(texts.map((text) => ask(connection, text))), texts);
    assert.deepEqual(await namesOf(connection, ['dev1', 'dev2']), ['dev1', 'dev2']);
    assert.deepEqual([connection.name, connection.hasRole], [name, true]);
    connection.close();
  });

  test('list as many nodes as there are, although far more bytes than may wait at a time', async () => {
    const key = { key: Buffer.alloc(65), signature: Buffer.alloc(64), chain: [Buffer.alloc(1800)] };
    const discover: RelayService['discover'] = async (_request, _user, onNode) => {
      for (let index = 0; index < 20_000; index++) onNode({ node: `dev${index}`, key, path: [name], lastHeard: 1 });
    };
    await using listener = await startRelay({ ...echoing, discover });
    const connection = await dial(listener.port);
    const [found, text] = await Promise.all([namesOf(connection, []), ask(connection, 'meanwhile')]);
    assert.deepEqual([new Set(found).size, found[0], found.at(-1), text], [20_000, 'dev0', 'dev19999', 'meanwhile']);
    connection.close();
  });

  test('connect again once a certificate was renewed or does not hold, but not while a reply is awaited', async () => {
    await using listener = await startRelay();
    using clock = mockDelays();
    let current = operator;
    const open = createRelayDial(() => tlsOf(current)(), 5000);
    const connection = await open(name, [{ host: '127.0.0.1', port: listener.port }], signal);
    const control = new AbortController();
    const waiting = rejection(connection.forward('hold', sealed(''), ignore, control.signal));
    let isLost = false;
    const lost = connection.whenLost().then(() => {
      isLost = true;
    });
    current = await fleet.operator('rip@devco.net');
    await clock.pass(5000);
    assert.deepEqual(await namesOf(connection, ['dev1']), ['dev1']);
    assert.equal(isLost, false);
    control.abort();
    assert.equal((await waiting).code, 'cancelled');
    await clock.pass(5000);
    await within('the loss', lost);
  });

  test('report a request that is withheld as silence, and a question that is refused with the reason', async () => {
    await using listener = await startRelay();
    const connection = await dial(listener.port);
    const silence = await rejection(connection.forward('nobody', sealed(''), ignore, signal));
    assert.deepEqual(
      [silence.code, silence.message],
      ['no-response', `nobody did not answer over the relay ${name} (it says: unknown-target, it is not known)`],
    );
    const refusal = await rejection(namesOf(connection, ['nobody']));
    assert.deepEqual([refusal.code, refusal.message], ['policy-denied', 'not for you']);
    connection.close();
  });

  test('end at the relay what the operator cancels or leaves behind', async () => {
    const ended: string[] = [];
    const hold: RelayService['forward'] = async (target, _request, _user, _onEvent, over) => {
      await once(over, 'abort');
      ended.push(target);
    };
    await using listener = await startRelay({ ...echoing, forward: hold });
    const connection = await dial(listener.port);
    const control = new AbortController();
    const cancelled = rejection(connection.forward('one', sealed(''), ignore, control.signal));
    const left = rejection(connection.forward('two', sealed(''), ignore, signal));
    await namesOf(connection, []);
    control.abort();
    assert.equal((await cancelled).code, 'cancelled');
    await until('the relay has given up the first', () => ended.length === 1);
    assert.deepEqual(ended, ['one']);
    connection.close();
    assert.equal((await left).code, 'cancelled');
    await until('the relay has given up the second', () => ended.length === 2);
    assert.deepEqual(ended, ['one', 'two']);
  });

  test('leave no request or question waiting when the connection is lost', async () => {
    await using listener = await startRelay();
    const connection = await dial(listener.port);
    const forwarded = rejection(connection.forward('hold', sealed(''), ignore, signal));
    const asked = rejection(namesOf(connection, ['hold']));
    await namesOf(connection, []);
    await listener.stop();
    assert.equal((await forwarded).code, 'no-response');
    const lost = await asked;
    assert.deepEqual([lost.code, lost.message], ['no-response', `the connection to the relay ${name} was lost`]);
    await within('the loss', connection.whenLost());
  });

  test('prove each other for each message: one that is revoked meanwhile gets nothing more', async () => {
    for (const isOperator of [true, false]) {
      await using own = await makeFleet();
      const bastion = await own.node(name, { relay: true });
      const user = await own.operator('rip@devco.net');
      const passed: string[] = [];
      const note: RelayService['forward'] = async (...given) => {
        passed.push(given[0]);
        await echoing.forward(...given);
      };
      const service = { ...echoing, forward: note };
      const tls = () => ({ credentials: bastion.credentials, trust: own.trust });
      await using listener = await startSealedNode(tls, unused, { relay: service });
      // Each side has its own list: here only one of the two knows of the revocation.
      const before = own.trust;
      const userTls = () => ({ credentials: user.credentials, trust: isOperator ? before : own.trust });
      const open = createRelayDial(userTls, 5000);
      const connection = await open(name, [{ host: '127.0.0.1', port: listener.port }], signal);
      assert.equal(await ask(connection, 'one'), 'one');
      own.revoke(isOperator ? user : bastion);
      const refusals = [await rejection(ask(connection, 'two')), await rejection(namesOf(connection, ['dev1']))];
      assert.deepEqual(
        refusals.map(({ code }) => code),
        isOperator ? ['no-response', 'revoked-certificate'] : ['revoked-certificate', 'revoked-certificate'],
      );
      assert.deepEqual(passed, ['echo']);
      connection.close();
    }
  });

  test('are never a node without the role of a relay: it is refused', async () => {
    await using listener = await startRelay();
    const connection = await dial(listener.port, await fleet.node('dev1.devco.net'));
    const refusal = await rejection(namesOf(connection, ['dev1']));
    assert.deepEqual(
      [refusal.code, refusal.message],
      ['wrong-kind', 'the certificate of dev1.devco.net does not let it relay'],
    );
    assert.match((await rejection(ask(connection, 'one'))).message, /wrong-kind/);
    connection.close();
  });
});

describe('operators and relays of different versions', () => {
  test('an operator of before reaches a relay over gRPC', async () => {
    await using listener = await startRelay();
    const connection = await createGrpcRelayDial(tlsOf(operator), 5000)(
      name,
      [{ host: '127.0.0.1', port: listener.port }],
      signal,
    );
    assert.equal(await ask(connection, 'one'), 'one');
    assert.deepEqual(await namesOf(connection, ['dev1']), ['dev1']);
    connection.close();
  });

  test('a relay of before is reached over gRPC', async () => {
    const connections = startConnections(roomyLimits.connections);
    const options = {
      host: '',
      port: 0,
      tls: relayTls,
      service: { enter: () => ignore, turnAway: async () => {} } as unknown as NodeService,
      relay: echoing,
      log: keepingLog(),
      onStranger: ignore,
      limits: roomyLimits,
    };
    const grpc = startGrpcServer(options, connections);
    const onConnection = ({ socket }: RawSide) => {
      socket.removeAllListeners('data');
      grpc.serve(socket);
    };
    await using old = await startHostileNode(relay, relayTls(), onConnection, ['h2']);
    const connection = await dial(old.port);
    assert.equal(await ask(connection, 'one'), 'one');
    assert.deepEqual(await namesOf(connection, ['dev1']), ['dev1']);
    connection.close();
    connections.stop();
    grpc.close();
  });

  test('a node that does not relay refuses what a relay is asked', async () => {
    await using listener = await startSealedNode(relayTls, unused);
    const connection = await dial(listener.port);
    assert.equal((await rejection(namesOf(connection, []))).code, 'no-relay');
    connection.close();
  });
});

describe('a relay that does not answer', () => {
  const dialAndWait = async (port: number, seconds: number) => {
    using clock = mockDelays();
    const connection = await dial(port);
    for (let second = 0; second < seconds; second++) await clock.pass(1000);
    return connection;
  };
  const silentRelay = () =>
    startHostileNode(relay, relayTls(), ({ socket }) => void socket.write(greeting), [relayProtocol]);

  test('is asked whether it is there while a request waits, and given up after five seconds', async () => {
    await using silent = await silentRelay();
    await using honest = await startRelay();
    using clock = mockDelays();
    const [dead, alive] = await Promise.all([dial(silent.port), dial(honest.port)]);
    const waiting = [dead, alive].map((connection) =>
      rejection(connection.forward('hold', sealed(''), ignore, signal)),
    );
    let isLost = false;
    void alive.whenLost().then(() => {
      isLost = true;
    });
    // The first look notes what came with the greeting, the second asks.
    for (let look = 0; look < 2; look++) await clock.pass(5000);
    // A later question is answered after the one whether it is there.
    assert.deepEqual(await namesOf(alive, ['dev1']), ['dev1']);
    await clock.pass(5000);
    await within('the loss', dead.whenLost());
    assert.equal((await waiting[0])?.code, 'no-response');
    assert.equal(isLost, false);
    alive.close();
    assert.equal((await waiting[1])?.code, 'cancelled');
  });

  test('is left alone while nothing waits for it', async () => {
    const sides: RawSide[] = [];
    await using silent = await startHostileNode(
      relay,
      relayTls(),
      (side) => {
        sides.push(side);
        side.socket.write(greeting);
      },
      [relayProtocol],
    );
    const connection = await dialAndWait(silent.port, 30);
    void connection.forward('echo', sealed('first'), ignore, signal).catch(ignore);
    await until('the request has come', () => sides[0]?.messages.length === 1);
    assert.equal(localRequestCodec.decode(sides[0]?.messages[0] ?? Buffer.alloc(0)).forward?.target, 'echo');
    connection.close();
  });

  test('is not used if it does not greet, although it chose frames before gRPC', async () => {
    const chosen: unknown[] = [];
    const note = ({ socket }: RawSide) => void chosen.push(socket.alpnProtocol);
    await using silent = await startHostileNode(relay, relayTls(), note, [relayProtocol, 'h2']);
    const open = createRelayDial(tlsOf(operator), 200);
    const refusal = await rejection(open(name, [{ host: '127.0.0.1', port: silent.port }], signal));
    assert.equal(refusal.code, 'unreachable');
    assert.equal(chosen[0], relayProtocol);
  });
});

describe('a hostile operator of a relay', () => {
  test('loses the connection for another greeting, and for a message that is none or too long', async () => {
    await using listener = await startRelay();
    const tooLong = Buffer.alloc(4);
    tooLong.writeUInt32BE(1024 * 1024 + 1);
    for (const lie of [frame(Buffer.from([0xff, 0xff])), tooLong]) {
      const side = await connectRaw(listener.port);
      side.socket.write(lie);
      await within('the end', side.whenClosed);
    }
    const other = await connectRaw(listener.port, operator, false);
    other.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await within('the end', other.whenClosed);
    assert.equal(listener.log.lines.filter((line) => line.startsWith('warn a client sends what is not')).length, 3);
    const next = await dial(listener.port);
    assert.equal(await ask(next, 'one'), 'one');
    next.close();
  });

  test('loses the connection without a greeting, in the middle of a message, and after an idle time', async () => {
    await using listener = await startRelay(echoing, { stall: 50 });
    await using patient = await startRelay(echoing, { stall: 1000, idle: 1000 });
    const silent = await connectRaw(listener.port, operator, false);
    const slow = await connectRaw(listener.port);
    slow.socket.write(Buffer.from([0, 0, 0, 9, 1]));
    const idle = await connectRaw(patient.port);
    for (const { whenClosed } of [silent, slow, idle]) await within('the end', whenClosed);
    const cut = 'warn a client does not finish a message: connection closed';
    const warnings = [listener, patient].map(({ log }) => log.lines.filter((line) => line.startsWith('warn')));
    assert.deepEqual(warnings, [[cut, cut], []]);
  });

  test('keeps the connection, however long one of its requests waits', async () => {
    await using listener = await startRelay(echoing, { stall: 1000, idle: 1000 });
    const side = await connectRaw(listener.port);
    side.socket.write(forward(1, '', 'hold'));
    const idle = await connectRaw(listener.port);
    await within('the end of an idle one', idle.whenClosed);
    side.socket.write(forward(2, 'there'));
    await until('the reply', () => side.messages.length > 0);
    assert.equal(String(eventsOf(side)[0]?.forward?.event?.ciphertext), 'there');
    side.socket.destroy();
  });

  test('loses the connection, with a line in the log, if it does not read its replies', async () => {
    await using listener = await startRelay(echoing, { stall: 1000, idle: 100_000 });
    const side = await readNothing(listener.port, 15);
    await within('the end', endOf(side));
    assert.deepEqual(
      listener.log.lines.filter((line) => line.startsWith('warn')),
      ['warn a client does not read its replies: connection closed'],
    );
  });

  test('loses the connection if it reads no list of nodes, however long that is', async () => {
    const discover: RelayService['discover'] = async (_request, _user, onNode) => {
      for (let index = 0; index < 70_000; index++) onNode({ node: `dev${index}`, path: [], lastHeard: 1 });
    };
    await using listener = await startRelay({ ...echoing, discover });
    const side = await connectRaw(listener.port);
    side.socket.pause();
    for (const id of [1, 2, 3])
      side.socket.write(request({ discover: { id, request: { timeout: 0, names: [] }, drop: false } }));
    await within('the end', endOf(side));
    assert.match(listener.log.lines.join('\n'), /^warn a client does not read its replies: connection closed$/m);
  });

  test('receives the large replies of many nodes, although its line is slower than that of the relay', async () => {
    let served = 0;
    const forward: RelayService['forward'] = async (...passed) => {
      await echoing.forward(...passed);
      served++;
    };
    await using listener = await startRelay({ ...echoing, forward });
    const side = await readNothing(listener.port, 40);
    await until('all replies wait', () => served === 40);
    side.socket.resume();
    const replies = () => eventsOf(side).filter(({ forward: reply }) => reply?.end);
    await until('all replies have come', () => replies().length === 40 || side.socket.destroyed);
    assert.equal(replies().length, 40);
    side.socket.destroy();
  });

  test('loses the connection if too much waits for it', async () => {
    await using listener = await startRelay();
    const side = await readNothing(listener.port, 100);
    await within('the end', endOf(side));
  });

  test('is answered when it asks whether the relay is there', async () => {
    await using listener = await startRelay();
    const side = await connectRaw(listener.port);
    side.socket.write(frame(Buffer.alloc(0)));
    await until('the answer', () => side.messages.length === 1);
    assert.deepEqual(side.messages, [Buffer.alloc(0)]);
    side.socket.destroy();
  });

  test('receives the replies that wait for it when the relay stops', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const hold: RelayService['forward'] = async (...given) => {
      await held;
      await echoing.forward(...given);
    };
    const listener = await startRelay({ ...echoing, forward: hold });
    const side = await connectRaw(listener.port);
    const text = 'x'.repeat(900_000);
    side.socket.write(Buffer.concat([1, 2, 3].map((id) => forward(id, text))));
    side.socket.write(request({ discover: { id: 1, request: { timeout: 0, names: ['dev1'] }, drop: false } }));
    await until('all have come', () => side.messages.length === 2);
    side.socket.pause();
    release();
    const stopped = listener.stop();
    side.socket.resume();
    await within('the end', side.whenClosed);
    await stopped;
    const parts = eventsOf(side).flatMap(({ forward: one }) => one?.event?.ciphertext.length ?? []);
    assert.deepEqual(parts, [900_000, 900_000, 900_000]);
  });
});

/** An operator that sends many requests and reads no reply. */
async function readNothing(port: number, requests: number): Promise<RawSide> {
  const side = await connectRaw(port);
  side.socket.pause();
  for (let id = 1; id <= requests; id++) side.socket.write(forward(id, 'x'.repeat(1_000_000)));
  return side;
}

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import type { NodeService, TlsState } from '../../../src/core/ports.ts';
import type { SealedEvent } from '../../../src/core/wire/messages.ts';
import { forwardRequestCodec } from '../../../src/core/wire/codec.ts';
import { startConnections } from '../../../src/transport/connections/connections.ts';
import { createOpen } from '../../../src/transport/dial.ts';
import { frame } from '../../../src/transport/relay/frames/frames.ts';
import { createPeerDial, peerConnectionOver } from '../../../src/transport/relay/peer-connection.ts';
import type { PeerConnection } from '../../../src/transport/relay/peers/peer.ts';
import { startGrpcServer } from '../../../src/transport/server/grpc.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { roomyLimits } from '../../support/node/listen-limits.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { sealed } from '../../support/relay/local-relay.ts';
import {
  connectSealed,
  endOf,
  eventsOf,
  part,
  type RawSide,
  request,
  startHostileNode,
  startSealedNode,
} from '../../support/relay/sealed-node.ts';
import { mockDelays } from '../../support/mock-delays.ts';
import { rejection } from '../../support/thrown.ts';
import { until, within } from '../../support/until.ts';

const { signal } = new AbortController();
const ignore = () => {};
const nodeName = 'dev1.devco.net';
let fleet: Fleet;
let relay: Member;
let node: Member;
let nodeTls: () => TlsState;
before(async () => {
  fleet = await makeFleet();
  relay = await fleet.node('bastion.devco.net', { relay: true });
  node = await fleet.node(nodeName);
  nodeTls = () => ({ credentials: node.credentials, trust: fleet.trust });
});
after(() => fleet.remove());

const relayTls = () => ({ credentials: relay.credentials, trust: fleet.trust });
const dial = (port: number) => createPeerDial(relayTls, 5000)(nodeName, [{ host: '127.0.0.1', port }], signal);
const echo: NodeService['sealed'] = async ({ ciphertext }, _peer, sink) => sink.send(part(Buffer.from(ciphertext)));

/** The text of a reply. */
async function ask(connection: PeerConnection, text: string, until = signal): Promise<string> {
  const parts: SealedEvent[] = [];
  await connection.sealed(sealed(text), (event) => parts.push(event), until);
  return parts.map(({ ciphertext }) => ciphertext.toString()).join();
}

describe('a relay and a node', () => {
  test('send many requests over one connection, each with its own reply', async () => {
    const peers = new Set<string>();
    await using listener = await startSealedNode(nodeTls, async (...args) => {
      peers.add(args[1].name);
      await new Promise((resolve) => setImmediate(resolve));
      args[2].send(part('progress', false));
      await echo(...args);
    });
    const connection = await dial(listener.port);
    const texts = Array.from({ length: 300 }, (_, index) => `request ${index}`);
    const replies = await Promise.all(texts.map((text) => ask(connection, text)));
    assert.deepEqual(
      replies,
      texts.map((text) => `progress,${text}`),
    );
    assert.deepEqual([...peers], ['bastion.devco.net']);
    connection.close();
  });

  test('report a refused request and a reply that is too large, and continue', async () => {
    const replies: Readonly<Record<string, () => Buffer>> = {
      refuse: () => {
        throw new Problem('unknown-key', 'another key');
      },
      fail: () => {
        throw new Error('secret detail');
      },
      huge: () => Buffer.alloc(4 * 1024 * 1024 + 1),
    };
    await using listener = await startSealedNode(nodeTls, async ({ ciphertext }, _peer, sink) => {
      const text = ciphertext.toString();
      sink.send(part(replies[text]?.() ?? text));
    });
    const connection = await dial(listener.port);
    const ends = await Promise.all(['refuse', 'fail', 'huge'].map((text) => rejection(ask(connection, text))));
    assert.deepEqual(
      ends.map(({ code, message }) => [code, message]),
      [
        ['unknown-key', 'another key'],
        ['internal', ''],
        ['too-large', 'the reply is too large'],
      ],
    );
    assert.equal(await ask(connection, 'more'), 'more');
    connection.close();
  });

  test('share the limits of the node for its relays: a request beyond is refused as busy', async () => {
    let running = 0;
    const enter = () => {
      if (running === 1) throw new Problem('busy', 'one call runs here');
      running++;
      return () => {
        running--;
      };
    };
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await using listener = await startSealedNode(nodeTls, async (...args) => held.then(() => echo(...args)), { enter });
    const connection = await dial(listener.port);
    const first = ask(connection, 'one');
    assert.equal((await rejection(ask(connection, 'two'))).code, 'busy');
    release();
    assert.deepEqual([await first, await ask(connection, 'three')], ['one', 'three']);
    assert.deepEqual(listener.refusals, ['busy']);
    connection.close();
  });

  test('forget a request that its caller gave up, which the node still serves to its end', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let served = 0;
    await using listener = await startSealedNode(nodeTls, async (...args) => {
      if (args[0].ciphertext.toString() === 'held') await held;
      await echo(...args);
      served++;
    });
    const connection = await dial(listener.port);
    const control = new AbortController();
    const given = rejection(ask(connection, 'held', control.signal));
    await ask(connection, 'before');
    control.abort();
    assert.equal((await given).code, 'cancelled');
    release();
    assert.equal(await ask(connection, 'after'), 'after');
    assert.equal(served, 3);
    connection.close();
  });

  test('notice a connection that is lost in the middle of a request: nobody knows its outcome then', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await using listener = await startSealedNode(nodeTls, () => {
      begin();
      return new Promise(() => {});
    });
    const connection = await dial(listener.port);
    const lost = rejection(ask(connection, 'held'));
    await begun;
    await listener.stop();
    assert.equal((await lost).code, 'no-response');
    await within('the loss', connection.whenLost());
    assert.equal((await rejection(ask(connection, 'more'))).code, 'no-response');
  });

  test('prove each other for each request: one that is revoked meanwhile sends and receives nothing more', async () => {
    await using fresh = await makeFleet();
    const [from, to] = [await fresh.node('bastion.devco.net', { relay: true }), await fresh.node(nodeName)];
    let trusting = false;
    const trustOf = () => (trusting ? { ...fresh.trust, isRevoked: () => false } : fresh.trust);
    let served = 0;
    await using listener = await startSealedNode(
      () => ({ credentials: to.credentials, trust: fresh.trust }),
      async (...args) => {
        served++;
        await echo(...args);
      },
    );
    const open = createPeerDial(() => ({ credentials: from.credentials, trust: trustOf() }), 5000);
    const connection = await open(nodeName, [{ host: '127.0.0.1', port: listener.port }], signal);
    assert.equal(await ask(connection, 'one'), 'one');
    fresh.revoke(from);
    assert.equal((await rejection(ask(connection, 'two'))).code, 'revoked-certificate');
    fresh.revoke(to);
    assert.equal((await rejection(ask(connection, 'three'))).code, 'revoked-certificate');
    trusting = true;
    assert.equal((await rejection(ask(connection, 'four'))).code, 'revoked-certificate');
    assert.deepEqual([served, listener.refusals], [1, ['revoked-certificate', 'revoked-certificate']]);
    connection.close();
  });
});

describe('versions side by side', () => {
  test('a relay of before reaches a node over gRPC', async () => {
    await using listener = await startSealedNode(nodeTls, echo);
    const open = createOpen(relayTls, 5000, peerConnectionOver);
    const connection = await open(nodeName, [{ host: '127.0.0.1', port: listener.port }], signal);
    assert.equal(await ask(connection, 'one'), 'one');
    connection.close();
  });

  test('a node of before is reached over gRPC', async () => {
    const connections = startConnections(roomyLimits.connections);
    const service = {
      enter: () => ignore,
      turnAway: async () => {},
      sealed: echo,
    } as unknown as NodeService;
    const options = {
      host: '',
      port: 0,
      tls: nodeTls,
      service,
      log: keepingLog(),
      onStranger: ignore,
      limits: roomyLimits,
    };
    const grpc = startGrpcServer(options, connections);
    await using old = await startHostileNode(
      node,
      nodeTls(),
      ({ socket }) => {
        socket.removeAllListeners('data');
        grpc.serve(socket);
      },
      ['h2'],
    );
    const connection = await dial(old.port);
    assert.equal(await ask(connection, 'one'), 'one');
    connection.close();
    connections.stop();
    grpc.close();
  });
});

describe('a hostile node', () => {
  test('can only delay or withhold: replies to nothing, to others and after the end are ignored', async () => {
    await using hostile = await startHostileNode(node, nodeTls(), ({ socket, messages }, send) => {
      socket.on('data', () => {
        if (messages.length < 2) return;
        send({ id: 77, event: part('to nothing'), end: { code: '', message: '' } });
        const [first, second] = messages.map((message) => forwardRequestCodec.decode(message).id);
        send({ id: first ?? 0, event: part('one'), end: { code: '', message: '' } });
        send({ id: first ?? 0, event: part('late') });
        send({ id: second ?? 0, end: { code: 'made-up', message: 'x' } });
      });
    });
    const connection = await dial(hostile.port);
    const [one, two] = await Promise.allSettled([ask(connection, 'a'), ask(connection, 'b')]);
    assert.deepEqual(one, { status: 'fulfilled', value: 'one' });
    assert.equal(two.status === 'rejected' && two.reason.code, 'made-up');
    connection.close();
  });

  test('loses its connection for what is not a message, and for one that is too long', async () => {
    const lies = [frame(Buffer.from([0xff])), Buffer.from([0x7f, 0xff, 0xff, 0xff])];
    for (const lie of lies) {
      await using hostile = await startHostileNode(node, nodeTls(), ({ socket }) => {
        socket.on('data', (chunk) => {
          if (!chunk.equals(Buffer.from('mco-relay/1\n'))) socket.write(lie);
        });
      });
      const connection = await dial(hostile.port);
      assert.equal((await rejection(ask(connection, 'a'))).code, 'no-response');
      await within('the loss', connection.whenLost());
    }
  });

  test('is asked whether it is there when it is silent, and given up when it does not answer', async () => {
    await using listener = await startSealedNode(nodeTls, echo);
    await using silent = await startHostileNode(node, nodeTls(), ignore);
    const [alive, dead] = await Promise.all([dial(listener.port), dial(silent.port)]);
    alive.close();
    dead.close();
    using clock = mockDelays();
    const [answering, stopped] = await Promise.all([dial(listener.port), dial(silent.port)]);
    let isLost = false;
    void answering.whenLost().then(() => {
      isLost = true;
    });
    // The first look notes what came with the greeting, the second asks, the third gives up.
    await clock.pass(30_000);
    await clock.pass(30_000);
    assert.equal(await ask(answering, 'there'), 'there');
    await clock.pass(10_000);
    await within('the loss', stopped.whenLost());
    assert.equal(isLost, false);
    answering.close();
  });

  test('loses its connection if it reads nothing, however many of its requests were given up', async () => {
    await using hostile = await startHostileNode(node, nodeTls(), ({ socket }) => socket.pause());
    const connection = await dial(hostile.port);
    const large = { ...sealed(''), ciphertext: Buffer.alloc(1024 * 1024) };
    const control = new AbortController();
    const asked = Array.from({ length: 80 }, () => rejection(connection.sealed(large, ignore, control.signal)));
    control.abort();
    await Promise.all(asked);
    await within('the loss', connection.whenLost());
  });
});

describe('a relay connects again', () => {
  test('when its own certificate was renewed or the node’s does not hold, but not while a reply is awaited', async () => {
    await using fresh = await makeFleet();
    const to = await fresh.node(nodeName);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await using listener = await startSealedNode(
      () => ({ credentials: to.credentials, trust: fresh.trust }),
      async (...args) => held.then(() => echo(...args)),
    );
    let own = await fresh.node('bastion.devco.net', { relay: true });
    const open = createPeerDial(() => ({ credentials: own.credentials, trust: fresh.trust }), 5000);
    const connect = () => open(nodeName, [{ host: '127.0.0.1', port: listener.port }], signal);
    (await connect()).close();
    using clock = mockDelays();
    const first = await connect();
    const asked = ask(first, 'one');
    own = await fresh.node('bastion.devco.net', { relay: true });
    await clock.pass(30_000);
    release();
    assert.equal(await asked, 'one');
    await clock.pass(30_000);
    await within('the loss', first.whenLost());
    const second = await connect();
    await clock.pass(30_000);
    assert.equal(await ask(second, 'two'), 'two');
    fresh.revoke(to);
    await clock.pass(30_000);
    await within('the loss', second.whenLost());
  });
});

/** A relay that sends requests after the node's key, and reads nothing more. */
async function readNothing(port: number, requests: number): Promise<RawSide> {
  const side = await connectSealed(port, relay);
  await until('the key has come', () => side.messages.length === 1);
  side.socket.pause();
  for (let id = 1; id <= requests; id++) side.socket.write(request({ id, sealed: sealed('more') }));
  return side;
}

describe('a hostile relay', () => {
  test('loses its connection for another greeting, and for a message that is none or too long', async () => {
    await using listener = await startSealedNode(nodeTls, echo);
    const lies = [frame(Buffer.from([0xff])), Buffer.from([0x7f, 0xff, 0xff, 0xff])];
    for (const lie of lies) {
      const side = await connectSealed(listener.port, relay);
      side.socket.write(lie);
      await within('the end', side.whenClosed);
    }
    const other = await connectSealed(listener.port, relay, false);
    other.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await within('the end', other.whenClosed);
  });

  test('loses its connection if it does not finish a message, or does not read', async () => {
    await using listener = await startSealedNode(
      nodeTls,
      async (_request, _peer, sink) => sink.send(part(Buffer.alloc(4 * 1024 * 1024))),
      { stall: 1000 },
    );
    const unfinished = await connectSealed(listener.port, relay);
    unfinished.socket.write(Buffer.from([0, 0, 1]));
    const unread = await readNothing(listener.port, 8);
    await within('the end', unfinished.whenClosed);
    await within('the end', endOf(unread));
  });

  test('loses its connection if too much waits for it', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await using listener = await startSealedNode(nodeTls, async (_request, _peer, sink) => {
      await held;
      sink.send(part(Buffer.alloc(4 * 1024 * 1024)));
    });
    const unread = await readNothing(listener.port, 24);
    release();
    await within('the end', endOf(unread));
  });

  test('gets one reply to a number that it uses twice at a time, and none without a request or after it gave one up', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await using listener = await startSealedNode(nodeTls, async (...args) => held.then(() => echo(...args)));
    const side = await connectSealed(listener.port, relay);
    side.socket.write(
      Buffer.concat([request({ id: 1, sealed: sealed('a') }), request({ id: 1, sealed: sealed('b') })]),
    );
    const givenUp = [request({ id: 3, sealed: sealed('c') }), request({ id: 3, drop: true })];
    side.socket.write(Buffer.concat([...givenUp, request({ id: 4, drop: true }), request({ id: 2 })]));
    await until('the refusal has come', () => side.messages.length === 2);
    release();
    await until('the reply has come', () => side.messages.length >= 3);
    side.socket.write(request({ id: 4, sealed: sealed('d') }));
    await until('the last reply has come', () => eventsOf(side).some(({ id }) => id === 4));
    const texts = eventsOf(side).map(({ id, event, end }) => [id, event?.ciphertext.toString(), end?.code]);
    assert.deepEqual(texts, [
      [2, undefined, 'malformed-message'],
      [1, 'a', ''],
      [4, 'd', ''],
    ]);
    side.socket.destroy();
  });

  test('is not an operator: one gets no further with frames', async () => {
    await using listener = await startSealedNode(nodeTls, echo);
    const side = await connectSealed(listener.port, await fleet.operator('rip@devco.net'));
    await within('the end', side.whenClosed);
    assert.deepEqual(eventsOf(side), []);
  });
});

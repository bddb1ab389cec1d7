import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { isGone } from '../../../../src/transport/connections/is-gone.ts';
import { endStalledCalls } from '../../../../src/transport/stalled-calls.ts';
import type { ServerInterceptingCall } from '../../../../src/transport/grpc-server.ts';
import { type ConnectionLimits, startConnections } from '../../../../src/transport/connections/connections.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

let fleet: Fleet;
let [rip, eve, dev1, stranger]: Member[] = [];
before(async () => {
  fleet = await makeFleet();
  [rip, eve, dev1] = [
    await fleet.operator('rip@devco.net'),
    await fleet.operator('eve@devco.net'),
    await fleet.node('dev1.devco.net'),
  ];
  await using other = await makeFleet();
  stranger = await other.operator('rip@devco.net');
});
after(() => fleet.remove());

let ports = 1000;

/** A connection in memory: its socket, and what its TLS shows. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort = ++ports;
  readonly certificate: { raw?: Buffer };
  destroyed = false;
  bytesRead = 0;
  /** The kernel's answer to getpeername(2). */
  peer = 0;
  readonly _handle = { getpeername: () => this.peer };

  constructor(address: string, member?: Member) {
    super();
    this.remoteAddress = address;
    this.certificate = member === undefined ? {} : { raw: Buffer.from(member.certificate.raw) };
  }

  get name(): string {
    return `${this.remoteAddress}:${this.remotePort}`;
  }

  getPeerCertificate(): object {
    return this.certificate;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

const wide: ConnectionLimits = {
  ...{ total: 9, perAddress: 9, perCaller: 9, unproven: 9, unprovenPerAddress: 9, handshake: 5000, quiet: 10_000 },
};

function listener(limits: Partial<ConnectionLimits> = {}) {
  const connections = startConnections({ ...wide, ...limits });
  const ended: string[] = [];
  const admit = (address: string, member?: Member) => {
    const socket = new FakeSocket(address, member);
    connections.admit(socket as unknown as Socket, (reason) => {
      ended.push(reason);
      socket.destroy();
    });
    return socket;
  };
  const claim = (socket: FakeSocket) => connections.claim(socket as unknown as TLSSocket, fleet.trust, Date.now());
  /** Admits and claims one of a caller. */
  const open = (address: string, member: Member | undefined) => {
    const socket = admit(address, member);
    return { socket, fault: claim(socket) };
  };
  return { ...connections, ended, admit, claim, open, [Symbol.dispose]: connections.stop };
}

describe('connections that have not proven who they are', () => {
  test('are ended, the oldest first, where there are too many: of a network, or at all', () => {
    using one = listener({ unproven: 3, unprovenPerAddress: 2 });
    const first = one.admit('10.0.0.1');
    const second = one.admit('10.0.0.1');
    one.admit('10.0.0.2');
    assert.deepEqual(one.ended, []);
    const third = one.admit('10.0.0.1');
    assert.deepEqual(one.ended, ['more than 2 connections from there have not proven who they are']);
    assert.deepEqual([first.destroyed, second.destroyed, third.destroyed], [true, false, false]);
    one.admit('10.0.0.3');
    assert.deepEqual(one.ended.slice(1), ['more than 3 connections have not proven who they are']);
    assert.equal(second.destroyed, true, 'the oldest of all');
  });

  test('are counted by the /64 of an IPv6 address', () => {
    using one = listener({ unprovenPerAddress: 1 });
    one.admit('2001:db8::1');
    one.admit('2001:db8::2:1');
    assert.equal(one.ended.length, 1);
    one.admit('2001:db8:0:1::1');
    assert.equal(one.ended.length, 1);
  });

  test('are not ended for those that are gone already, or that have proven who they are', () => {
    using one = listener({ unproven: 1, unprovenPerAddress: 1 });
    const gone = one.admit('10.0.0.1');
    gone.peer = -107;
    one.admit('10.0.0.1').destroy();
    one.open('10.0.0.1', rip);
    one.admit('10.0.0.1');
    assert.deepEqual(one.ended, []);
  });

  test('have a limited time for that', async () => {
    using clock = mockDelays();
    using one = listener();
    const slow = one.admit('10.0.0.1');
    const { socket: quick } = one.open('10.0.0.1', rip);
    await clock.pass(4999);
    assert.equal(slow.destroyed, false);
    await clock.pass(1);
    assert.deepEqual([slow.destroyed, one.ended], [true, ['the handshake took too long']]);
    assert.equal(quick.destroyed, false);
  });

  test('are not ended again once they are gone', async () => {
    using clock = mockDelays();
    using one = listener();
    one.admit('10.0.0.1').destroy();
    await clock.pass(10_000);
    assert.deepEqual(one.ended, []);
  });

  test('are gone as soon as their socket is destroyed, or the kernel knows no other end', () => {
    const isOver = (how: { destroyed?: boolean; peer?: number }) =>
      isGone(Object.assign(new FakeSocket('10.0.0.1'), how) as unknown as Socket);
    assert.deepEqual([isOver({}), isOver({ destroyed: true }), isOver({ peer: -107 })], [false, true, true]);
  });
});

describe('a call whose client does nothing', () => {
  /** A call of a client, and what the server sees of it. */
  const start = (streams = false) => {
    const cut: string[] = [];
    let listener: Parameters<ServerInterceptingCall['start']>[0] | undefined;
    let sent = () => {};
    const call = {
      getPeer: () => 'peer',
      sendMetadata: () => {},
      start: (given: typeof listener) => {
        listener = given;
      },
      sendMessage: (_message: unknown, done: () => void) => {
        sent = done;
      },
    };
    const intercept = endStalledCalls(1000, (peer) => cut.push(peer));
    const watched = intercept({ requestStream: streams } as never, call as never);
    let cancelled = 0;
    const nothing = () => {};
    watched.start({
      ...{ onReceiveMetadata: nothing, onReceiveMessage: nothing, onReceiveHalfClose: nothing },
      onCancel: () => void cancelled++,
    });
    return { watched, cut, listener: () => listener ?? assert.fail(), sent: () => sent(), cancelled: () => cancelled };
  };

  test('loses its connection if its request, or the reading of its reply, takes too long', async () => {
    using clock = mockDelays();
    const slow = start();
    await clock.pass(999);
    assert.deepEqual(slow.cut, []);
    await clock.pass(1);
    assert.deepEqual(slow.cut, ['peer']);
    const quick = start();
    quick.listener().onReceiveHalfClose();
    await clock.pass(5000);
    quick.watched.sendMessage('reply', () => {});
    await clock.pass(999);
    quick.sent();
    await clock.pass(5000);
    assert.deepEqual(quick.cut, []);
    quick.watched.sendMessage('reply', () => {});
    await clock.pass(1000);
    assert.deepEqual(quick.cut, ['peer']);
    const endless = start(true);
    await clock.pass(5000);
    assert.deepEqual(endless.cut, [], 'a stream of requests has no end to wait for');
  });

  test('does not cost the connection of a caller that has cancelled it', async () => {
    using clock = mockDelays();
    const { watched, cut, listener, cancelled } = start();
    watched.sendMessage('reply', () => {});
    listener().onCancel();
    await clock.pass(5000);
    assert.deepEqual([cut, cancelled()], [[], 1]);
  });
});

describe('a connection that has proven who it is', () => {
  test('is refused beyond the limits: in total, of a network, and of a caller', () => {
    using total = listener({ total: 1 });
    assert.equal(total.open('10.0.0.1', rip).fault, undefined);
    assert.equal(total.open('10.0.0.2', eve).fault, 'more than 1 connections');
    using network = listener({ perAddress: 1 });
    assert.equal(network.open('10.0.0.1', rip).fault, undefined);
    assert.equal(network.open('10.0.0.1', eve).fault, 'more than 1 connections from there');
    assert.equal(network.open('10.0.0.2', eve).fault, undefined);
    using caller = listener({ perCaller: 1 });
    assert.equal(caller.open('10.0.0.1', rip).fault, undefined);
    assert.equal(caller.open('10.0.0.2', rip).fault, 'more than 1 connections of cert=rip@devco.net');
    assert.equal(caller.open('10.0.0.2', eve).fault, undefined);
  });

  test('frees its place once it is closed, or its other end is gone', () => {
    for (const leave of [(socket: FakeSocket) => socket.destroy(), (socket: FakeSocket) => (socket.peer = -107)]) {
      using one = listener({ total: 1, perAddress: 1, perCaller: 1 });
      leave(one.open('10.0.0.1', rip).socket);
      assert.equal(one.open('10.0.0.1', rip).fault, undefined);
      assert.equal(one.open('10.0.0.1', rip).fault, 'more than 1 connections');
    }
  });

  test('is closed, a moment later, if its other end is gone', async () => {
    using one = listener({ total: 1 });
    const { socket } = one.open('10.0.0.1', rip);
    socket.peer = -107;
    one.open('10.0.0.2', rip);
    assert.equal(socket.destroyed, false, 'not within its own callback');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(socket.destroyed, true);
  });

  test('needs a certificate, and must still be there', () => {
    using one = listener();
    assert.equal(one.open('10.0.0.1', undefined).fault, 'the connection was lost');
    const lost = one.admit('10.0.0.1', rip);
    lost.destroy();
    assert.equal(one.claim(lost), 'the connection was lost');
    assert.equal(one.cut(lost.name), undefined);
  });

  test('is not assigned if the search for a place finds it gone', () => {
    using one = listener({ total: 1 });
    one.open('10.0.0.1', rip).socket.peer = -107;
    const socket = one.admit('10.0.0.1', rip);
    socket.peer = -107;
    assert.equal(one.claim(socket), 'the connection was lost');
    assert.equal(one.open('10.0.0.1', rip).fault, undefined);
  });

  test('keeps the certificate of its handshake', () => {
    using one = listener();
    const { socket } = one.open('10.0.0.1', rip);
    const shown = socket.getPeerCertificate();
    socket.certificate.raw = Buffer.from('x');
    assert.equal(socket.getPeerCertificate(), shown);
  });

  test('is closed at once by its address, which gives its owner', () => {
    using one = listener();
    const { socket } = one.open('10.0.0.1', dev1);
    assert.equal(one.cut('10.0.0.1:1'), undefined);
    assert.equal(socket.destroyed, false);
    assert.equal(one.cut(socket.name), 'node=dev1.devco.net');
    assert.equal(socket.destroyed, true);
    const unproven = one.admit('10.0.0.1');
    assert.equal(one.cut(unproven.name), undefined);
    assert.equal(unproven.destroyed, false);
  });
});

describe('a connection whose certificate is not valid', () => {
  test('is closed after three seconds, in which it receives the reason', async () => {
    using clock = mockDelays();
    using one = listener();
    const foreign = one.open('10.0.0.1', stranger);
    const own = [one.open('10.0.0.1', rip), one.open('10.0.0.1', dev1)];
    assert.equal(foreign.fault, undefined);
    await clock.pass(2999);
    assert.equal(foreign.socket.destroyed, false);
    await clock.pass(1);
    assert.deepEqual(
      [foreign, ...own].map(({ socket }) => socket.destroyed),
      [true, false, false],
    );
  });

  test('is found when certificates are reviewed: revoked, or expired since', async () => {
    const bob = await fleet.operator('bob@devco.net');
    using clock = mockDelays();
    using one = listener();
    const [revoked, other] = [one.open('10.0.0.1', bob), one.open('10.0.0.1', rip)];
    one.review(fleet.trust, Date.now());
    await clock.pass(3000);
    assert.equal(revoked.socket.destroyed, false);
    fleet.revoke(bob);
    one.review(fleet.trust, Date.now());
    await clock.pass(3000);
    assert.deepEqual([revoked.socket.destroyed, other.socket.destroyed], [true, false]);
    one.review(fleet.trust, Date.now() + 61 * 24 * 60 * 60 * 1000);
    await clock.pass(3000);
    assert.equal(other.socket.destroyed, true);
  });
});

describe('a proven connection that is silent', () => {
  const silentFor = (milliseconds: number, bytes = 0) => {
    using one = listener({ total: 1 });
    const { socket } = one.open('10.0.0.1', rip);
    // Each refused one makes the listener look at those that it has.
    one.open('10.0.0.2', eve);
    now += milliseconds;
    socket.bytesRead += bytes;
    return one.open('10.0.0.2', eve).fault === undefined;
  };
  let now = 0;

  test('is dead after the given time without a byte, and not before', (context) => {
    context.mock.method(performance, 'now', () => now);
    assert.deepEqual([silentFor(10_000), silentFor(10_001), silentFor(10_001, 1)], [false, true, false]);
  });
});

test('a listener looks every two seconds for connections whose other end is gone, until it stops', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const one = listener({ total: 1 });
  const gone = one.admit('10.0.0.1', rip);
  gone.peer = -107;
  context.mock.timers.tick(1999);
  assert.equal(one.claim(gone), undefined, 'it has its place still');
  context.mock.timers.tick(1);
  assert.equal(one.cut(gone.name), undefined, 'it has none');
  const other = one.open('10.0.0.1', rip).socket;
  one.stop();
  other.peer = -107;
  context.mock.timers.tick(60_000);
  assert.equal(one.cut(other.name), 'cert=rip@devco.net');
});

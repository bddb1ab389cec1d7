import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { signCertificate } from '../../../src/ca/issue.ts';
import { certifyIntermediate, makeRoot } from '../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { identityOf } from '../../../src/core/credentials/certificate.ts';
import type { TlsState } from '../../../src/core/ports.ts';
import { forwardEventCodec, forwardRequestCodec } from '../../../src/core/wire/codec.ts';
import type { ForwardEvent, SealedEvent } from '../../../src/core/wire/messages.ts';
import { openSealed } from '../../../src/transport/relay/peers/open.ts';
import type { PeerConnection } from '../../../src/transport/relay/peers/peer.ts';
import { sealedProtocol } from '../../../src/transport/relay/frames/protocols.ts';
import { secureContext, tlsVersion } from '../../../src/transport/tls.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { sealed } from '../../support/relay/local-relay.ts';
import { part, type RawSide, startHostileNode } from '../../support/relay/sealed-node.ts';
import { rejection } from '../../support/thrown.ts';
import { until, within } from '../../support/until.ts';

const name = 'dev1.devco.net';
const { signal } = new AbortController();
let fleet: Fleet;
let relay: Member;
let node: Member;
let nodeTls: TlsState;
before(async () => {
  fleet = await makeFleet();
  [relay, node] = await Promise.all([fleet.node('bastion.devco.net', { relay: true }), fleet.node(name)]);
  nodeTls = { credentials: node.credentials, trust: fleet.trust };
});
after(() => fleet.remove());

/** Opens a connection of the relay. */
function open(
  port: number,
  given = signal,
  { timeout = 5000, trust = fleet.trust } = {},
): Promise<PeerConnection | undefined> {
  const tls = () => ({ credentials: relay.credentials, trust });
  const context = createSecureContext({ ...secureContext(tls()), ...tlsVersion });
  return openSealed(name, { host: '127.0.0.1', port }, { context, tls, timeout }, given);
}

const opened = async (port: number) => (await open(port)) ?? assert.fail('it is left to gRPC');
const answered = { code: '', message: '' };

/** A node that answers each request. */
const answering = (answer: Omit<ForwardEvent, 'id'>) => (side: RawSide, send: (one: ForwardEvent) => void) => {
  let seen = 0;
  side.socket.on('data', () => {
    for (const message of side.messages.slice(seen)) {
      seen++;
      send({ id: forwardRequestCodec.decode(message).id, ...answer });
    }
  });
};

/** What a node replies to a request. */
async function ask(connection: PeerConnection): Promise<readonly SealedEvent[]> {
  const events: SealedEvent[] = [];
  await connection.sealed(sealed('x'), (event) => events.push(event), signal);
  return events;
}

describe('a relay that connects to a node over frames', () => {
  test('proves a certificate of an intermediate CA that the node presents', async () => {
    const [ca, own] = [makeKeyPair(), makeKeyPair()];
    const now = Date.now() - 1000;
    const root = await makeRoot(fleet.realm, now);
    const trust = { ...fleet.trust, authorities: [root.certificate] };
    const intermediate = await certifyIntermediate(root, ca.publicKey, now);
    const authority = { ...root, certificate: intermediate, key: ca.privateKey };
    const validity = { notBefore: now, notAfter: now + 3_600_000 };
    const certificate = await signCertificate({ kind: 'node', name, publicKey: own.publicKey }, validity, authority);
    const identity = identityOf(certificate) ?? assert.fail();
    const credentials = { identity, certificate, key: own.privateKey, issuers: [intermediate] };
    const answer = answering({ event: part('one'), end: answered });
    await using hostile = await startHostileNode({ credentials }, nodeTls, answer);
    const connection = (await open(hostile.port, signal, { trust })) ?? assert.fail('it is left to gRPC');
    assert.deepEqual(
      (await ask(connection)).map(({ ciphertext }) => String(ciphertext)),
      ['one'],
    );
    connection.close();
  });

  test('leaves one that relays, or that has no frames, to gRPC, and closes the connection', async () => {
    const relaying = await fleet.node(name, { relay: true });
    for (const [member, protocols] of [
      [relaying, [sealedProtocol]],
      [node, ['h2']],
    ] as const) {
      await using hostile = await startHostileNode(member, nodeTls, () => {}, protocols);
      assert.equal(await open(hostile.port), undefined);
      await until('no connection is left', () => hostile.connected() === 0);
    }
  });

  test('connects to no other node, and says which one answers', async () => {
    const other = await fleet.node('dev2.devco.net');
    await using hostile = await startHostileNode(other, nodeTls, () => {});
    await assert.rejects(open(hostile.port), {
      code: 'wrong-node',
      message: 'at the address of dev1.devco.net answers dev2.devco.net',
    });
  });

  test('finds out why a connection did not come about', async () => {
    await assert.rejects(open(await freePort()), { code: 'unreachable', message: /cannot be reached/ });
  });

  test('is refused at once by a node that closes it before its key', { timeout: 600_000 }, async () => {
    const end = ({ socket }: RawSide) => void socket.end();
    await using hostile = await startHostileNode(node, nodeTls, end, [sealedProtocol, 'h2'], false);
    await assert.rejects(open(hostile.port, signal, { timeout: 60_000 }), { code: 'refused-certificate' });
  });

  test('gives up when it is cancelled, and closes the connection', async () => {
    const control = new AbortController();
    const side = Promise.withResolvers<RawSide>();
    await using silent = await startHostileNode(node, nodeTls, side.resolve, [sealedProtocol], false);
    const refused = rejection(open(silent.port, control.signal));
    const { socket, whenClosed } = await side.promise;
    await once(socket, 'data');
    control.abort();
    const { code, message } = await refused;
    assert.deepEqual([code, message], ['cancelled', 'connecting to dev1.devco.net was cancelled']);
    await within('the end', whenClosed);
  });
});

describe('a connection over frames', () => {
  test('takes a message of 8 MiB from a node, and ends for a longer one', async () => {
    const most = 8 * 1024 * 1024;
    const event = (size: number) => ({ event: part(Buffer.alloc(size)), end: answered });
    const lengthOf = (size: number) => forwardEventCodec.encode({ id: 1, ...event(size) }).length;
    const fits = most - 100;
    const largest = fits + most - lengthOf(fits);
    assert.equal(lengthOf(largest), most);
    await using exact = await startHostileNode(node, nodeTls, answering(event(largest)));
    const connection = await opened(exact.port);
    assert.equal((await ask(connection))[0]?.ciphertext.length, largest);
    connection.close();
    await using more = await startHostileNode(node, nodeTls, answering(event(largest + 1)));
    const other = await opened(more.port);
    assert.equal((await rejection(ask(other))).code, 'no-response');
    await within('the loss', other.whenLost());
  });

  test('is closed with what waits, and the node sees its end', async () => {
    const side = Promise.withResolvers<RawSide>();
    await using hostile = await startHostileNode(node, nodeTls, side.resolve);
    const connection = await opened(hostile.port);
    const asked = rejection(ask(connection));
    connection.close();
    assert.equal((await asked).code, 'cancelled');
    await within('the end', (await side.promise).whenClosed);
  });

  test('is lost when the node ends it, and a request after that is not sent', async () => {
    const side = Promise.withResolvers<RawSide>();
    await using hostile = await startHostileNode(node, nodeTls, side.resolve);
    const connection = await opened(hostile.port);
    const { socket } = await side.promise;
    const asked = rejection(ask(connection));
    await once(socket, 'data');
    socket.destroy();
    assert.equal((await asked).code, 'no-response');
    await within('the loss', connection.whenLost());
    assert.equal((await within('the refusal', rejection(ask(connection)))).code, 'no-response');
  });
});

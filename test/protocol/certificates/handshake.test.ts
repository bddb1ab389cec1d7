import assert from 'node:assert/strict';
import dns from 'node:dns';
import { getEventListeners, once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { constants, createSecureServer } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openReply } from '../../../src/core/request/reply.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { askHealth } from '../../support/node/ask-health.ts';
import { eventually } from '../../support/eventually.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, strangersAt, type TestNode } from '../../support/node/node.ts';

const day = 86_400_000;
const { signal } = new AbortController();

let fleet: Fleet;
let foreign: Fleet;
let node: TestNode;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  foreign = await makeFleet();
  node = await startTestNode(fleet);
  rip = await fleet.operator('rip@devco.net');
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await Promise.all([fleet.remove(), foreign.remove()]);
});

const describeAll = { filter: noFilter, facts: [], full: false, peers: false };

/** A dial that trusts this fleet's CA, for any caller. */
const dialAs = (member: Member, name = node.name, port = node.daemon.port) =>
  createDial(() => ({ credentials: member.credentials, trust: fleet.trust }), 3000)(
    name,
    [{ host: '127.0.0.1', port }],
    signal,
  );

const strangers = () => strangersAt(node, rip);
/** The node may count them after its peer has the refusal. */
const counted = (before: number, strangersSince: number, who?: string) =>
  eventually(async () => assert.equal((await strangers()) - before, strangersSince, who));

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a dial', () => {
  for (const [when, given] of [
    ['it accepts it', 'connection'],
    ['it has the first message', 'data'],
  ] as const) {
    test(`that is given up leaves no connection open to a host that says nothing: as soon as ${when}`, async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as { port: number };
      const giveUp = new AbortController();
      const dial = createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 60_000);
      const accepted = once(silent, 'connection') as Promise<[Socket]>;
      const dialling = dial('dev9.devco.net', [{ host: '127.0.0.1', port }], giveUp.signal);
      const [connection] = await accepted;
      connection.on('error', () => undefined).resume();
      const closed = once(connection, 'close');
      if (given === 'data') await once(connection, 'data');
      giveUp.abort();
      await assert.rejects(dialling, { code: 'cancelled' });
      await closed;
      silent.close();
    });
  }
});

describe('a dial to a node', () => {
  const dialWith = (trust: () => Fleet['trust']) => {
    const dial = createDial(() => ({ credentials: rip.credentials, trust: trust() }), 3000);
    return () => dial(node.name, [{ host: '127.0.0.1', port: node.daemon.port }], signal);
  };

  test('goes to the node itself, whatever proxy the environment names', async () => {
    const names = ['grpc_proxy', 'https_proxy', 'http_proxy'] as const;
    const before = names.map((name) => process.env[name]);
    const proxy = `http://127.0.0.1:${await unusedPort()}`;
    try {
      for (const name of names) process.env[name] = proxy;
      (await dialAs(rip)).close();
    } finally {
      for (const [index, name] of names.entries()) {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      }
    }
  });

  test('asks no name server how to call it', async (t) => {
    const asked: unknown[] = [];
    t.mock.method(dns.promises, 'resolveTxt', async (name: string) => {
      asked.push(name);
      return [];
    });
    const dial = createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 3000);
    (await dial(node.name, [{ host: 'localhost', port: node.daemon.port }], signal)).close();
    assert.deepEqual(asked, []);
  });

  test('sends a call once, though its node refuses the stream, and leaves nothing on the signal', async () => {
    const refusing = await fleet.node('refusing.devco.net');
    const { certificatePem: cert, keyPem: key } = refusing;
    const server = createSecureServer({ cert, key, ca: rip.caPem, requestCert: true, minVersion: 'TLSv1.3' });
    let streams = 0;
    server.on('stream', (stream) => {
      streams++;
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    const connection = await dialAs(rip, 'refusing.devco.net', port);
    try {
      const own = new AbortController();
      const signed = sealRequest(orderFor('refusing.devco.net', {}), rip.credentials, Date.now());
      await assert.rejects(
        connection.call(signed, () => {}, own.signal),
        { code: 'no-response' },
      );
      assert.equal(streams, 1);
      await assert.rejects(connection.describe(describeAll, own.signal), { code: 'no-response' });
      assert.equal(streams, 2);
      assert.deepEqual(getEventListeners(own.signal, 'abort'), []);
    } finally {
      connection.close();
      server.close();
    }
  });

  test('leaves nothing on the signal of a call that has its reply', async () => {
    const own = new AbortController();
    const connection = await dialAs(rip);
    const signed = sealRequest(orderFor(node.name, {}), rip.credentials, Date.now());
    await connection.call(signed, () => {}, own.signal);
    await connection.describe(describeAll, own.signal);
    connection.close();
    assert.deepEqual(getEventListeners(own.signal, 'abort'), []);
  });

  test('trusts the CAs of this moment, also between two dials with the same credentials', async () => {
    let { trust } = foreign;
    const dial = dialWith(() => trust);
    const before = await strangers();
    await assert.rejects(dial(), { code: 'foreign-certificate' });
    trust = fleet.trust;
    (await dial()).close();
    trust = foreign.trust;
    await assert.rejects(dial(), { code: 'foreign-certificate' });
    // Each dial makes one connection, and one to find out why. Otherwise the next tests would count them.
    await counted(before, 4);
  });

  test('makes no call over an open connection once its node is revoked', async () => {
    let isRevoked = false;
    const trust = () => ({ ...fleet.trust, isRevoked: () => isRevoked });
    const connection = await dialWith(trust)();
    try {
      assert.equal((await connection.describe(describeAll, signal)).identity, node.name);
      isRevoked = true;
      const signed = sealRequest(orderFor(node.name, {}), rip.credentials, Date.now());
      const before = (await node.records()).length;
      const revoked = { code: 'revoked-certificate' };
      await assert.rejects(connection.describe(describeAll, signal), revoked);
      await assert.rejects(
        connection.call(signed, () => {}, signal),
        revoked,
      );
      await assert.rejects(connection.result(signed, signal), revoked);
      await assert.rejects(connection.store({ ticket: Buffer.alloc(0) }, signal), revoked);
      assert.equal((await node.records()).length, before);
    } finally {
      connection.close();
    }
  });
});

describe('the handshake of a node', () => {
  test('accepts an operator of the fleet', async () => {
    const connection = await dialAs(rip);
    const description = await connection.describe(describeAll, signal);
    assert.deepEqual([description.identity, description.matched], ['dev2.devco.net', true]);
    assert.deepEqual(JSON.parse(Buffer.from(description.facts).toString()), { cluster: 'bravo' });
    connection.close();
  });

  test('rejects a client without a certificate before any handler, and counts the stranger', async () => {
    const before = await strangers();
    const socket = connectTls({
      host: '127.0.0.1',
      port: node.daemon.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
    const received: Buffer[] = [];
    socket.on('data', (bytes) => received.push(bytes)).on('error', () => {});
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    assert.deepEqual(received, [], 'not a byte of HTTP/2');
    await counted(before, 1);
  });

  test('rejects TLS 1.2, and counts the stranger', async () => {
    const before = await strangers();
    const { key, certificate } = rip;
    const socket = connectTls({
      host: '127.0.0.1',
      port: node.daemon.port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      cert: certificate.toString(),
    });
    const error = await new Promise<Error & { code?: string }>((resolve) => socket.once('error', resolve));
    assert.match(String(error.code), /PROTOCOL_VERSION/);
    await counted(before, 1);
  });

  test('distinguishes a foreign CA from a dead host', async () => {
    const stranger = await foreign.operator('rip@devco.net');
    const before = await strangers();
    await assert.rejects(dialAs(stranger), { code: 'refused-certificate' });
    await counted(before, 2, 'the dial and its diagnosis');
    const elsewhere = createDial(() => ({ credentials: stranger.credentials, trust: foreign.trust }), 3000);
    await assert.rejects(elsewhere(node.name, [{ host: '127.0.0.1', port: node.daemon.port }], signal), {
      code: 'foreign-certificate',
    });
    await assert.rejects(dialAs(rip, node.name, await unusedPort()), {
      code: 'unreachable',
      hint: 'check that the daemon runs',
    });
  });

  test('rejects a certificate that has ended or has not begun', async () => {
    const late = await fleet.operator('late@devco.net', {
      notBefore: Date.now() - 2 * day,
      notAfter: Date.now() - day,
    });
    await assert.rejects(dialAs(late), { code: 'refused-certificate' });
    const early = await fleet.operator('early@devco.net', {
      notBefore: Date.now() + day,
      notAfter: Date.now() + 2 * day,
    });
    await assert.rejects(dialAs(early), { code: 'refused-certificate' });
  });

  test('detects another node at the same address', async () => {
    await assert.rejects(dialAs(rip, 'dev4.devco.net'), { code: 'wrong-node' });
  });

  test('accepts another node, which may call and watch but not describe', async () => {
    const dev4 = await fleet.node('dev4.devco.net');
    const connection = await dialAs(dev4);
    await assert.rejects(connection.describe(describeAll, signal), { code: 'wrong-kind' });
    const signed = sealRequest(orderFor(node.name), rip.credentials, Date.now());
    await assert.rejects(connection.result(signed, signal), { code: 'wrong-kind' });
    // A relay: the signature names the caller, not the connection.
    const reply = openReply(
      await connection.call(signed, () => {}, signal),
      signed.request,
      node.name,
      fleet.trust,
      Date.now(),
    );
    assert.deepEqual([reply.outcome, reply.code], ['ok', '']);
    const [intent] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent');
    assert.deepEqual([intent.caller, intent.relay], ['cert=rip@devco.net', 'dev4.devco.net']);
    connection.close();
    assert.equal(await askHealth(fleet, node, dev4), 'SERVING');
  });

  test('is required for health, too', async () => {
    assert.equal(await askHealth(fleet, node, rip), 'SERVING');
    await assert.rejects(askHealth(fleet, node), { code: 14 });
  });

  test('needs a port on which nothing else listens', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const config = `listen: { address: 127.0.0.1, port: ${port} }`;
    await assert.rejects(startTestNode(fleet, { name: 'dev8.devco.net', config, listen: '' }), {
      code: 'cannot-listen',
    });
    other.close();
  });
});

describe('the handshake of a node when certificates change', () => {
  test('does not protect a caller who is revoked during a connection, once the list has arrived', async () => {
    const mallory = await fleet.operator('mallory@devco.net');
    const connection = await dialAs(mallory);
    await connection.describe(describeAll, signal);
    fleet.revoke(mallory);
    await writeFile(join(node.directory, 'crl.new'), await fleet.crl());
    await rename(join(node.directory, 'crl.new'), join(node.directory, 'crl.pem'));
    await node.daemon.reload();
    await assert.rejects(connection.describe(describeAll, signal), { code: 'revoked-certificate' });
    const signed = sealRequest(orderFor(node.name), mallory.credentials, Date.now());
    await assert.rejects(connection.result(signed, signal), { code: 'revoked-certificate' });
    await assert.rejects(
      connection.call(signed, () => {}, signal),
      { code: 'revoked-certificate' },
    );
    const [intent, refused] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent' && refused?.kind === 'outcome');
    assert.deepEqual([intent.caller, intent.verdict], ['cert=mallory@devco.net', 'revoked-certificate']);
    assert.deepEqual([refused.intent, refused.code], [intent.sequence, 'revoked-certificate']);
    connection.close();
    const dev4 = await dialAs(await fleet.node('dev6.devco.net'));
    await dev4.call(signed, () => {}, signal);
    const outcome = (await node.records()).findLast((record) => record.kind === 'outcome');
    assert.equal(outcome?.code, 'revoked-certificate', 'and by a relay, which is recorded');
    dev4.close();
  });

  test('uses a renewed certificate without a restart', async () => {
    const connection = await dialAs(rip);
    const renewed = await fleet.node(node.name);
    for (const file of ['crt', 'key'] as const) {
      const text = file === 'crt' ? renewed.certificatePem : renewed.keyPem;
      await writeFile(join(node.directory, `node.${file}`), text);
    }
    await node.daemon.reload();
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    await connection.describe(describeAll, signal);
    connection.close();
  });

  test('uses the old certificate when the new one is unusable, and reports it', async () => {
    await writeFile(join(node.directory, 'node.crt'), 'nonsense');
    await node.daemon.reload();
    const connection = await dialAs(rip);
    const { warnings } = await connection.describe(describeAll, signal);
    assert.match(warnings.join(), /the certificates were not reloaded, the old ones stay/);
    connection.close();
  });
});

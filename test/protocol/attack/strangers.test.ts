import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createServer } from 'node:tls';
import { ChannelCredentials, Client, type ServiceError } from '@grpc/grpc-js';
import { sealRequest } from '../../../src/core/request/request.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { tlsVersion } from '../../../src/transport/tls.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, strangersAt, type TestNode } from '../../support/node/node.ts';

const day = 86_400_000;
const { signal } = new AbortController();
const methods = [
  '/mco.v1.Node/Call',
  '/mco.v1.Node/Result',
  '/mco.v1.Node/Describe',
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
];

describe('a stranger, or a caller with an invalid certificate', () => {
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

  const strangers = () => strangersAt(node, rip);
  /** The status of a call of no content, by a client that checks nothing. */
  const statusOf = (method: string, member: Pick<Member, 'keyPem' | 'certificatePem'> | undefined) =>
    new Promise<number>((resolve) => {
      const pems = member === undefined ? [] : [Buffer.from(member.keyPem), Buffer.from(member.certificatePem)];
      const credentials = ChannelCredentials.createSsl(Buffer.from(fleet.caPem), ...pems);
      const options = { 'grpc.ssl_target_name_override': node.name, 'grpc.enable_retries': 0 };
      const client = new Client(`127.0.0.1:${node.daemon.port}`, credentials, options);
      const bytes = (value: Buffer) => value;
      client.makeUnaryRequest(method, bytes, bytes, Buffer.alloc(0), (error: ServiceError | null) => {
        client.close();
        resolve(error?.code ?? 0);
      });
    });

  const visitors: [string, () => Promise<Member | undefined>][] = [
    ['no certificate', async () => undefined],
    ['a certificate of another CA', () => foreign.operator('rip@devco.net')],
    [
      'an expired certificate',
      () => fleet.operator('late@devco.net', { notBefore: Date.now() - 2 * day, notAfter: Date.now() - day }),
    ],
    [
      'a certificate that is not yet valid',
      () => fleet.operator('early@devco.net', { notBefore: Date.now() + day, notAfter: Date.now() + 2 * day }),
    ],
  ];
  for (const [what, make] of visitors) {
    test(`reaches nothing with ${what}, health and reflection included, and is counted`, async () => {
      const visitor = await make();
      const before = await strangers();
      const records = (await node.records()).length;
      for (const method of methods) assert.equal(await statusOf(method, visitor), 14, method);
      assert.equal((await node.records()).length, records, 'it cannot fill the audit log');
      assert.ok((await strangers()) >= before + methods.length);
    });
  }

  test('reflection is not available, even to an operator of the fleet', async () => {
    assert.equal(await statusOf(methods.at(-1) ?? '', rip), 12);
  });

  test('is refused on every call once its certificate ends, also within an open connection', async (context) => {
    const brief = await fleet.operator('brief@devco.net', { notAfter: Date.now() + 3_600_000 });
    const connection = await node.dial(brief);
    const description = () => connection.describe({ filter: null, facts: [], full: false, peers: false }, signal);
    await description();
    const signed = sealRequest(orderFor(node.name), brief.credentials, Date.now());
    context.mock.timers.enable({ apis: ['Date'], now: Date.parse(brief.certificate.validTo) + 1000 });
    await assert.rejects(description(), { code: 'expired-certificate' });
    await assert.rejects(connection.result(signed, signal), { code: 'expired-certificate' });
    await assert.rejects(
      connection.call(signed, () => {}, signal),
      { code: 'expired-certificate' },
    );
    const [intent, outcome] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
    assert.deepEqual([intent.caller, outcome.code], ['cert=brief@devco.net', 'expired-certificate']);
    connection.close();
  });

  test('is recorded under its expired or future certificate if another caller delivers its request', async () => {
    const late = await fleet.operator('late@devco.net', {
      notBefore: Date.now() - 2 * day,
      notAfter: Date.now() - day,
    });
    const early = await fleet.operator('soon@devco.net', {
      notBefore: Date.now() + day,
      notAfter: Date.now() + 2 * day,
    });
    for (const [member, code] of [
      [late, 'expired-certificate'],
      [early, 'early-certificate'],
    ] as const) {
      const reply = await node.send(rip, sealRequest(orderFor(node.name), member.credentials, Date.now()));
      assert.deepEqual([reply.outcome, reply.code], ['refused', code]);
      const [intent, outcome] = (await node.records()).slice(-2);
      assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
      assert.deepEqual([intent.verdict, outcome.code], [code, code]);
    }
  });

  test('is recorded under the identity of its connection if it sends a request of another CA’s operator', async () => {
    const stranger = await foreign.operator('rip@devco.net');
    const eve = await fleet.operator('eve@devco.net');
    const reply = await node.send(eve, sealRequest(orderFor(node.name), stranger.credentials, Date.now()));
    assert.equal(reply.code, 'foreign-certificate');
    const [intent, outcome] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
    assert.deepEqual([intent.caller, intent.verdict], ['cert=eve@devco.net', 'foreign-certificate']);
    assert.deepEqual([outcome.outcome, outcome.code], ['refused', 'foreign-certificate']);
  });
});

describe('a certificate of the wrong kind', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  test('the daemon does not start with an operator’s certificate', async () => {
    const asNode = { ...fleet, node: (name: string) => fleet.node(name, { kind: 'operator' }) };
    await assert.rejects(startTestNode(asNode), { code: 'wrong-kind' });
  });

  test('no client accepts a server with an operator’s certificate', async () => {
    const rip = await fleet.operator('rip@devco.net');
    const mallory = await fleet.node('dev2.devco.net', { kind: 'operator' });
    let bytes = 0;
    const server = createServer(
      { key: mallory.keyPem, cert: mallory.certificatePem, ...tlsVersion, ALPNProtocols: ['h2'] },
      (socket) => {
        socket
          .on('error', () => {})
          .on('data', (chunk) => {
            bytes += chunk.length;
          });
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dial = createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 3000);
    await assert.rejects(dial('dev2.devco.net', [{ host: '127.0.0.1', port }], signal), { code: 'wrong-kind' });
    assert.equal(bytes, 0, 'it received not a byte');
    server.close();
  });
});

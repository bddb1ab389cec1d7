import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ChannelCredentials, Client, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import { protocol } from '#protocol';
import { sealRequest } from '../../../src/core/request/request.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';

const definition = (name: string) => protocol[name] as unknown as ServiceDefinition;
const rpcs = { ...definition('mco.v1.Node'), ...definition('grpc.health.v1.Health') };
type Rpc = 'Call' | 'Result' | 'Describe' | 'Check' | 'Watch';
const every: readonly Rpc[] = ['Call', 'Result', 'Describe', 'Check', 'Watch'];

/** The result of an RPC: the code of a problem, else the status of gRPC. */
type Answer = string | number;

/** A client of gRPC as anybody could write it, which checks nothing by itself and keeps one connection. */
function openClient(fleet: Fleet, node: TestNode, member: Member) {
  const pems = [fleet.caPem, member.keyPem, member.certificatePem].map((pem) => Buffer.from(pem));
  const [ca, key, certificate] = pems as [Buffer, Buffer, Buffer];
  const options = { 'grpc.ssl_target_name_override': node.name, 'grpc.enable_retries': 0 };
  const client = new Client(
    `127.0.0.1:${node.daemon.port}`,
    ChannelCredentials.createSsl(ca, key, certificate),
    options,
  );
  const ask = (rpc: Rpc): Promise<Answer> =>
    new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = rpcs[rpc] as ServiceDefinition[string];
      const signed = sealRequest(orderFor(node.name), member.credentials, Date.now());
      const health = { service: '' };
      const description = { filter: noFilter, facts: [], full: false, peers: false };
      const message = { Call: signed, Result: signed, Describe: description, Check: health, Watch: health }[rpc];
      const end = (error: ServiceError | null) => {
        const [code] = error?.metadata?.get('mco-code') ?? [];
        resolve(typeof code === 'string' ? code : (error?.code ?? 0));
      };
      if (rpc === 'Call' || rpc === 'Watch') {
        const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, message);
        stream.on('error', end).on('data', () => {
          end(null);
          stream.cancel();
        });
      } else client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, end);
    });
  return {
    askAll: async () => {
      const answers: [Rpc, Answer][] = [];
      for (const rpc of every) answers.push([rpc, await ask(rpc)]);
      return Object.fromEntries(answers) as Record<Rpc, Answer>;
    },
    close: () => client.close(),
  };
}

const all = (answer: Answer) => Object.fromEntries(every.map((rpc) => [rpc, answer]));

describe('a caller, on every call including health', () => {
  let fleet: Fleet;
  let node: TestNode;

  before(async () => {
    fleet = await makeFleet();
    node = await startTestNode(fleet);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });
  const lastRecords = async () => {
    const [intent, outcome] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
    return [intent.caller, intent.verdict, outcome.outcome, outcome.code];
  };

  test('is accepted while its certificate is valid, and refused once it is revoked', async () => {
    const lost = await fleet.operator('lost@devco.net');
    const client = openClient(fleet, node, lost);
    assert.deepEqual(await client.askAll(), all(0));
    fleet.revoke(lost);
    await writeFile(join(node.directory, 'crl.pem'), await fleet.crl());
    await node.daemon.reload();
    assert.deepEqual(await client.askAll(), all('revoked-certificate'));
    client.close();
    const expected = ['cert=lost@devco.net', 'revoked-certificate', 'refused', 'revoked-certificate'];
    assert.deepEqual(await lastRecords(), expected);
  });

  test('is refused once its certificate ends', async (context) => {
    const brief = await fleet.operator('brief@devco.net', { notAfter: Date.now() + 3_600_000 });
    const client = openClient(fleet, node, brief);
    assert.deepEqual(await client.askAll(), all(0));
    context.mock.timers.enable({ apis: ['Date'], now: Date.parse(brief.certificate.validTo) + 1000 });
    assert.deepEqual(await client.askAll(), all('expired-certificate'));
    client.close();
    const expected = ['cert=brief@devco.net', 'expired-certificate', 'refused', 'expired-certificate'];
    assert.deepEqual(await lastRecords(), expected);
  });

  test('reaches no call with a certificate of another CA', async () => {
    await using foreign = await makeFleet();
    const stranger = await foreign.operator('rip@devco.net');
    const records = (await node.records()).length;
    const client = openClient(fleet, node, stranger);
    assert.deepEqual(await client.askAll(), all(14));
    client.close();
    assert.equal((await node.records()).length, records, 'nor the audit log');
  });

  test('does not count as an operator if it is a node: it may read health, and its signed requests are refused', async () => {
    const dev4 = await fleet.node('dev4.devco.net');
    const client = openClient(fleet, node, dev4);
    const kind = 'wrong-kind';
    // The call itself is let in, since a node may bring an operator's request: the reply is the refusal.
    assert.deepEqual(await client.askAll(), { Call: 0, Result: kind, Describe: kind, Check: 0, Watch: 0 });
    client.close();
    const [, verdict, outcome, code] = await lastRecords();
    assert.deepEqual([verdict, outcome, code], [kind, 'refused', kind]);
  });

  test('does not receive another caller’s replies, even with that caller’s signed request', async () => {
    const [rip, eve] = [await fleet.operator('rip@devco.net'), await fleet.operator('eve@devco.net')];
    const signed = sealRequest(orderFor(node.name, { action: 'count', input: {} }), rip.credentials, Date.now());
    assert.equal((await node.send(rip, signed)).outcome, 'ok');
    const { signal } = new AbortController();
    const [own, other] = [await node.dial(rip), await node.dial(eve)];
    assert.equal((await own.result(signed, signal)).state, 'REPLIED');
    await assert.rejects(other.result(signed, signal), { code: 'wrong-caller' });
    own.close();
    other.close();
  });
});

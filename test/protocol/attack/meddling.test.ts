import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { callNode } from '../../../src/library/fleet/call-node.ts';
import { sign } from '../../../src/core/credentials/signature.ts';
import { replyCodec, requestCodec } from '../../../src/core/wire/codec.ts';
import type { Reply, Request, SignedReply, SignedRequest } from '../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { counted } from '../../support/agents/probe-agent.ts';

const { signal } = new AbortController();

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let dev4: Member;

before(async () => {
  fleet = await makeFleet();
  node = await startTestNode(fleet);
  rip = await fleet.operator('rip@devco.net');
  dev4 = await fleet.node('dev4.devco.net');
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

interface Meddling {
  readonly request?: (signed: SignedRequest) => SignedRequest;
  readonly reply?: (signed: SignedReply) => SignedReply;
}

const callThrough = async (meddling: Meddling) => {
  const { request = (same) => same, reply = (same) => same } = meddling;
  const connection = await node.dial(rip);
  const between = {
    ...connection,
    call: async (signed: SignedRequest) => reply(await connection.call(request(signed), () => {}, signal)),
  };
  const order = orderFor(node.name, { action: 'count', input: {} });
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  const settings = { timeout: 20_000, changes: true, onProgress: () => {}, signal };
  const outcome = await callNode(between, order, caller, settings);
  connection.close();
  return outcome;
};

const changedRequest = (change: Partial<Request>) => (signed: SignedRequest) => ({
  ...signed,
  request: requestCodec.encode({ ...requestCodec.decode(signed.request), ...change }),
});

const changedReply = (change: Partial<Reply>, by?: Member) => (signed: SignedReply) => {
  const reply = replyCodec.encode({ ...replyCodec.decode(signed.reply), ...change });
  const signature = by === undefined ? signed.signature : sign('reply', reply, by.key);
  return { ...signed, reply, signature, ...(by === undefined ? {} : { chain: [by.certificate.raw] }) };
};

/** The identity that TLS proved; the identity in the request does not count. */
const bringer = 'cert=rip@devco.net';

/** Somebody between an operator and a node, with a good certificate, who changes what passes. */
describe('an attacker between a caller and a node', () => {
  const requestChanges: Partial<Request>[] = [
    { requestId: 'e'.repeat(32) },
    { try: 2 },
    { nonce: Buffer.alloc(16, 7) },
    { target: 'dev4.devco.net' },
    { caller: 'mco://devco.net/operator/root@devco.net' },
    { runId: 'another' },
    { step: 'another' },
    { lease: 'app/bravo' },
    { fence: 9 },
    { agent: 'sonde' },
    { action: 'echo' },
    { arguments: Buffer.from('{"text":"other"}') },
    { issuedAt: Date.now() + 500 },
    { timeToLive: 120_000 },
    { deadline: Date.now() + 60_000 },
    { dryRun: true },
    { detach: true },
    { knownSequence: 1 },
    { knownHash: Buffer.alloc(32, 1) },
    { filter: { facts: ['cluster=alfa'], classes: [], agents: [], identities: [], with: [], select: '' } },
  ];

  test('cannot change a field of a request: nothing is done, and the audit log names the sender', async () => {
    const fields = new Set(requestChanges.flatMap((change) => Object.keys(change)));
    const everything = Object.keys(requestCodec.decode(Buffer.alloc(0)));
    assert.deepEqual([...fields, 'protocol'].sort(), everything.sort(), 'each field is tried');
    const records = (await node.records()).length;
    const { times } = counted;
    for (const change of requestChanges) {
      let said: Reply | undefined;
      const listen = (signed: SignedReply) => {
        said = replyCodec.decode(signed.reply);
        return signed;
      };
      const outcome = await callThrough({ request: changedRequest(change), reply: listen });
      assert.deepEqual([said?.outcome, said?.code], ['refused', 'bad-signature'], JSON.stringify(change));
      assert.equal(outcome.code, 'bad-reply', 'nor is the refusal one of what was asked');
    }
    assert.equal(counted.times, times);
    const written = (await node.records()).slice(records);
    assert.equal(written.length, 2 * requestChanges.length);
    for (const record of written) {
      if (record.kind === 'intent') assert.deepEqual([record.caller, record.verdict], [bringer, 'bad-signature']);
      else assert.equal(record.kind === 'outcome' && record.code, 'bad-signature');
    }
  });

  const replyChanges: Partial<Reply>[] = [
    { outcome: 'failed' },
    { status: 1 },
    { node: 'dev4.devco.net' },
    { requestDigest: Buffer.alloc(32) },
    { data: Buffer.from('{"count":1000}') },
    { recorded: true },
    { auditHead: null },
  ];

  test('cannot change a field of a reply: the call fails for every caller', async () => {
    for (const change of replyChanges) {
      const outcome = await callThrough({ reply: changedReply(change) });
      assert.deepEqual([outcome.outcome, outcome.code], ['failed', 'bad-reply'], JSON.stringify(change));
    }
  });

  test('cannot reply for a node with the certificate of another node or an operator', async () => {
    assert.equal((await callThrough({ reply: changedReply({}, dev4) })).code, 'bad-reply');
    assert.equal((await callThrough({ reply: changedReply({ node: node.name }, dev4) })).code, 'bad-reply');
    assert.equal((await callThrough({ reply: changedReply({}, rip) })).code, 'wrong-kind');
  });
});

describe('an attacker who keeps messages', () => {
  test('cannot reuse an old reply as the reply to another request', async () => {
    let kept: SignedReply | undefined;
    const keep = (signed: SignedReply) => {
      kept ??= signed;
      return kept;
    };
    assert.equal((await callThrough({ reply: keep })).outcome, 'ok');
    assert.equal((await callThrough({ reply: keep })).code, 'bad-reply');
  });

  test('cannot reuse a signature for another purpose', async () => {
    const crossed = (signed: SignedRequest) => ({ ...signed, signature: sign('reply', signed.request, rip.key) });
    assert.equal((await callThrough({ request: crossed })).code, 'bad-signature');
    const { key, certificate } = dev4;
    const swapped = (signed: SignedReply) => {
      const reply = replyCodec.encode({ ...replyCodec.decode(signed.reply), node: dev4.identity.name });
      return { reply, signature: sign('audit-record', reply, key), chain: [certificate.raw] };
    };
    assert.match((await callThrough({ reply: swapped })).message, /the signature of the reply/);
  });

  test('cannot send a request twice, or to another node, even across restarts; each attempt is recorded', async () => {
    let kept: SignedRequest | undefined;
    const keep = (signed: SignedRequest) => {
      kept = signed;
      return signed;
    };
    assert.equal((await callThrough({ request: keep })).outcome, 'ok');
    assert.ok(kept !== undefined);
    await using other = await startTestNode(fleet, { name: 'dev6.devco.net' });
    const times = counted.times;
    const refused = async (at: TestNode, code: string) => {
      const reply = await at.send(rip, kept as SignedRequest);
      assert.deepEqual([reply.outcome, reply.code], ['refused', code]);
      const [intent, outcome] = (await at.records()).slice(-2);
      assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
      assert.deepEqual([intent.caller, outcome.intent, outcome.code], ['cert=rip@devco.net', intent.sequence, code]);
    };
    await refused(node, 'replayed');
    await refused(other, 'wrong-target');
    await node.restart();
    await refused(node, 'replayed');
    assert.equal(counted.times, times);
  });
});

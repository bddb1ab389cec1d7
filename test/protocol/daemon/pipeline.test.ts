import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { sign } from '../../../src/core/credentials/signature.ts';
import { requestCodec } from '../../../src/core/wire/codec.ts';
import type { Request, SignedRequest } from '../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, strangersAt, type TestNode } from '../../support/node/node.ts';
import { counted } from '../../support/agents/probe-agent.ts';

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let eve: Member;

before(async () => {
  fleet = await makeFleet();
  node = await startTestNode(fleet);
  rip = await fleet.operator('rip@devco.net');
  eve = await fleet.operator('eve@devco.net');
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** The intent and the outcome of the last request on the node. */
const lastRecords = async () => {
  const records = await node.records();
  const intent = records.findLast((record) => record.kind === 'intent');
  const outcome = records.findLast((record) => record.kind === 'outcome');
  return { intent, outcome };
};

const seal = (change: Parameters<typeof orderFor>[1] = {}, now = Date.now()) =>
  sealRequest(orderFor(node.name, change), rip.credentials, now);

/** Changes the bytes after signing; signs again with another's key where one is given. */
const tamper = (signed: SignedRequest, change: Partial<Request>, by?: Member): SignedRequest => {
  const request = requestCodec.encode({ ...requestCodec.decode(signed.request), ...change });
  const signature = by === undefined ? signed.signature : sign('request', request, by.credentials.key);
  return { ...signed, request, signature };
};

describe('a request on its way through the pipeline', () => {
  test('reaches the action, and its start and end are in the audit log', async () => {
    const reply = await node.call(rip, { runId: 'r1', step: 'ping' });
    assert.equal(reply.outcome, 'ok');
    assert.deepEqual(JSON.parse(reply.data.toString()), { text: 'hello' });
    const { intent, outcome } = await lastRecords();
    assert.equal(intent?.caller, 'cert=rip@devco.net');
    assert.equal(intent?.verdict, 'verified');
    assert.deepEqual(intent?.arguments, { text: 'hello' });
    assert.equal(intent?.run_id, 'r1');
    assert.equal(outcome?.outcome, 'ok');
    assert.equal(outcome?.intent, intent?.sequence);
  });

  test('a reply to a change has the signed head of the audit log, which covers its own outcome', async () => {
    const reply = await node.call(rip, { action: 'count', input: {} });
    const { outcome } = await lastRecords();
    assert.equal(reply.auditHead?.sequence, outcome?.sequence);
  });

  test('a reply to a read has a head that covers what is on the disk; its own records follow soon after', async () => {
    await node.call(rip, {});
    const sequence = (await lastRecords()).outcome?.sequence ?? 0;
    let head = 0;
    while (head < sequence) head = (await node.call(rip, {})).auditHead?.sequence ?? 0;
    assert.ok(head >= sequence);
  });

  test('is served if its filter matches, and refused and recorded if it does not', async () => {
    const filter = (fact: string) => ({ filter: { ...noFilter, facts: [fact], agents: ['probe'] } });
    assert.equal((await node.call(rip, filter('cluster=bravo'))).outcome, 'ok');
    const before = counted.times;
    const refused = await node.call(rip, { action: 'count', input: {}, ...filter('cluster=alfa') });
    assert.deepEqual([refused.outcome, refused.code], ['refused', 'not-matched']);
    assert.equal((await lastRecords()).outcome?.code, 'not-matched');
    const broken = await node.call(rip, { action: 'count', input: {}, ...filter('cluster') });
    assert.deepEqual([broken.outcome, broken.code], ['refused', 'bad-filter']);
    assert.equal(counted.times, before);
  });

  test('resolves an alias of an agent before any decision', async () => {
    assert.equal((await node.call(rip, { agent: 'sonde' })).outcome, 'ok');
    const { intent } = await lastRecords();
    assert.equal(intent?.agent, 'sonde', 'the record says what was signed');
  });

  test('is refused and recorded if no policy allows its operator', async () => {
    const reply = await node.call(eve, {});
    assert.equal(reply.outcome, 'refused');
    assert.equal(reply.code, 'policy-denied');
    const { intent, outcome } = await lastRecords();
    assert.equal(intent?.caller, 'cert=eve@devco.net');
    assert.equal(outcome?.code, 'policy-denied');
  });

  for (const action of ['__proto__', 'constructor', '_x', 'toString', 'hasOwnProperty']) {
    test(`is refused because “${action}” is not an action`, async () => {
      const reply = await node.call(rip, { action });
      assert.deepEqual([reply.outcome, reply.code, reply.status], ['refused', 'unknown-action', 2]);
      assert.equal((await lastRecords()).outcome?.code, 'unknown-action');
    });
  }

  test('is refused for an unknown agent', async () => {
    const reply = await node.call(rip, { agent: 'prope' });
    assert.equal(reply.code, 'unknown-agent');
    assert.match(reply.hint, /did you mean “probe”/);
  });

  test('is refused with status 3 when an input is missing, 4 when one is wrong', async () => {
    const missing = await node.call(rip, { input: {} });
    assert.deepEqual([missing.code, missing.status], ['invalid-input', 3]);
    const wrong = await node.call(rip, { input: { text: 7 } });
    assert.deepEqual([wrong.code, wrong.status], ['invalid-input', 4]);
    const unknown = await node.call(rip, { input: { text: 'x', txt: 'y' } });
    assert.match(unknown.message, /unknown key “txt”: did you mean “text”/);
    assert.equal((await lastRecords()).outcome?.code, 'invalid-input');
  });
});

describe('a signed request', () => {
  test('is refused when any of its fields was changed after signing', async () => {
    const changes: Partial<Request>[] = [
      { action: 'count' },
      { target: 'dev4.devco.net' },
      { arguments: Buffer.from('{"text":"other"}') },
      { issuedAt: Date.now() + 1000 },
      { caller: 'mco://devco.net/operator/root@devco.net' },
      { dryRun: true },
      { nonce: Buffer.alloc(16, 7) },
      { runId: 'another' },
      { fence: 9 },
    ];
    for (const change of changes) {
      const reply = await node.send(rip, tamper(seal(), change));
      assert.equal(reply.code, 'bad-signature', `changed ${Object.keys(change)}`);
    }
  });

  test('is refused when another operator signed it under the name of its caller, who learns nothing of the log', async () => {
    const known = { sequence: 1, hash: '0'.repeat(64) };
    assert.equal((await node.send(rip, seal({ known }))).headCheck, 'BROKEN');
    const reply = await node.send(eve, tamper(seal({ known }), {}, eve));
    assert.deepEqual([reply.code, reply.headCheck], ['bad-signature', 'UNCHECKED']);
    const named = await node.send(eve, { ...tamper(seal(), {}, eve), chain: [eve.certificate.raw] });
    assert.equal(named.code, 'bad-signature');
  });

  test('is refused when it is sent again, and recorded as repeated', async () => {
    const signed = seal();
    assert.equal((await node.send(rip, signed)).outcome, 'ok');
    assert.equal((await node.send(rip, signed)).code, 'replayed');
    assert.equal((await lastRecords()).outcome?.code, 'replayed');
  });

  test('is refused on a node that it was not addressed to', async () => {
    const reply = await node.send(rip, seal({ target: 'dev4.devco.net' }));
    assert.equal(reply.code, 'wrong-target');
    assert.equal((await lastRecords()).outcome?.code, 'wrong-target');
  });

  test('is accepted with a clock one second ahead or behind', async () => {
    assert.equal((await node.send(rip, seal({}, Date.now() + 1000))).outcome, 'ok');
    assert.equal((await node.send(rip, seal({}, Date.now() - 1000))).outcome, 'ok');
  });

  test('is refused ten minutes ahead or behind, with both clocks named', async () => {
    const ahead = await node.send(rip, seal({}, Date.now() + 600_000));
    assert.equal(ahead.code, 'clock-skew');
    assert.match(ahead.message, /the caller's clock says .*, this node's .*: (599|600)\.\d s apart/);
    assert.equal((await lastRecords()).outcome?.code, 'clock-skew');
    const behind = await node.send(rip, seal({}, Date.now() - 600_000));
    assert.equal(behind.code, 'expired-request');
    assert.match(behind.message, /the caller's clock says .*, this node's /);
    assert.equal((await lastRecords()).outcome?.code, 'expired-request');
  });

  test('cannot have an unlimited lifetime', async () => {
    assert.equal((await node.send(rip, seal({ timeToLive: 86_400_000 }))).code, 'bad-time');
  });

  test('is refused from a node: a node does not count as an operator', async () => {
    const other = await fleet.node('dev4.devco.net');
    const reply = await node.send(rip, sealRequest(orderFor(node.name), other.credentials, Date.now()));
    assert.equal(reply.code, 'wrong-kind');
    const { intent, outcome } = await lastRecords();
    assert.equal(intent?.verdict, 'wrong-kind');
    assert.equal(outcome?.outcome, 'refused');
  });
});

describe('a request that runs its action', () => {
  test('makes a change once, however often the same try is sent', async () => {
    const before = counted.times;
    const order = { ...orderFor(node.name, { action: 'count', input: {} }) };
    const first = await node.call(rip, order);
    const again = await node.call(rip, order);
    assert.equal(counted.times, before + 1);
    assert.deepEqual([first.recorded, again.recorded], [false, true]);
    assert.deepEqual(again.data, first.data);
    await node.call(rip, { ...order, try: 2 });
    assert.equal(counted.times, before + 2, 'another try is another execution');
  });

  test('gives its outcome to no other request with its id and try, also after a restart', async () => {
    const before = counted.times;
    const order = orderFor(node.name, { action: 'count', input: {} });
    assert.equal((await node.call(rip, order)).outcome, 'ok');
    const others = [{ action: 'hang' }, { input: { text: 'more' } }, { dryRun: true }];
    const refuseAll = async () => {
      for (const other of others) {
        const { outcome, code, recorded } = await node.call(rip, { ...order, ...other });
        assert.deepEqual([outcome, code, recorded], ['refused', 'id-reused', false], JSON.stringify(other));
        assert.equal((await lastRecords()).outcome?.code, 'id-reused');
      }
      const connection = await node.dial(rip);
      const { signal } = new AbortController();
      assert.equal((await connection.result(seal({ ...order, dryRun: true }), signal)).state, 'UNKNOWN');
      assert.equal((await connection.result(seal(order), signal)).state, 'REPLIED');
      connection.close();
    };
    await refuseAll();
    await node.restart();
    await refuseAll();
    assert.deepEqual([(await node.call(rip, order)).recorded, counted.times], [true, before + 1]);
  });

  test('gives its outcome to no other request that differs in a hidden value', async () => {
    const before = counted.times;
    const hiding = (secret: string) => ({ input: { secret }, sensitive: ['secret'] });
    const order = { ...orderFor(node.name, { action: 'count' }), ...hiding('hunter2') };
    assert.equal((await node.call(rip, order)).outcome, 'ok');
    const { outcome, code } = await node.call(rip, { ...order, ...hiding('hunter3') });
    assert.deepEqual([outcome, code], ['refused', 'id-reused']);
    assert.deepEqual([(await node.call(rip, order)).recorded, counted.times], [true, before + 1]);
  });

  test('has a result that its caller, and nobody else, can ask for after a lost reply', async () => {
    const signed = seal({ action: 'count', input: {} });
    await node.send(rip, signed);
    const connection = await node.dial(rip);
    const { signal } = new AbortController();
    assert.equal((await connection.result(signed, signal)).state, 'REPLIED');
    assert.equal((await connection.result(seal({ action: 'count', input: {} }), signal)).state, 'UNKNOWN');
    const forged = tamper(signed, {}, eve);
    await assert.rejects(connection.result({ ...forged, chain: [eve.certificate.raw] }, signal), {
      code: 'bad-signature',
    });
    connection.close();
  });

  test('returns a failed action with its reason, and a bug without internals', async () => {
    const failed = await node.call(rip, { action: 'fail', input: {} });
    assert.deepEqual(
      [failed.outcome, failed.code, failed.message, failed.hint],
      ['failed', 'broken', 'the probe is broken', 'fix it'],
    );
    const crashed = await node.call(rip, { action: 'crash', input: {} });
    assert.deepEqual([crashed.outcome, crashed.code], ['failed', 'internal']);
    assert.doesNotMatch(crashed.message, /secret/);
  });

  test('ends at the timeout of its action', async () => {
    const reply = await node.call(rip, { action: 'hang', input: {} });
    assert.deepEqual([reply.outcome, reply.code], ['failed', 'timeout']);
    assert.match(reply.message, /the probe gave up/);
  });

  test('keeps a sensitive value out of the audit log, and accepts no other value for it', async () => {
    const order = { input: { text: 'a', secret: 'hunter2' }, sensitive: ['secret'] };
    const reply = await node.call(rip, order);
    assert.deepEqual(JSON.parse(reply.data.toString()), { text: 'a and 7 hidden letters' });
    const { intent } = await lastRecords();
    assert.doesNotMatch(JSON.stringify(await node.records()), /hunter2|aHVudGVyMg/);
    assert.match(JSON.stringify(intent?.arguments), /\$commitment/);
    const signed = seal(order);
    const salt = signed.sensitive.secret?.salt ?? Buffer.alloc(0);
    const swapped = { ...signed, sensitive: { secret: { salt, value: Buffer.from('"other"') } } };
    assert.equal((await node.send(rip, swapped)).code, 'bad-commitment');
    const without = { ...seal(order), sensitive: {} };
    assert.equal((await node.send(rip, without)).code, 'bad-commitment');
    assert.equal((await lastRecords()).outcome?.code, 'bad-commitment');
  });

  test('is refused and recorded if a sensitive value is not JSON, or an input is hidden that is not sensitive', async () => {
    const signed = seal({ input: { text: 'a', secret: 'hunter2' }, sensitive: ['secret'] });
    const salt = Buffer.alloc(32);
    const value = Buffer.from('hunter2');
    const digest = createHash('sha256').update('mco-deploy/1/sensitive\0').update(salt).update(value).digest('hex');
    const shown = Buffer.from(JSON.stringify({ text: 'a', secret: { $commitment: `sha256:${digest}` } }));
    const changed = tamper(signed, { nonce: randomBytes(16), arguments: shown }, rip);
    const broken = { ...changed, sensitive: { secret: { salt, value } } };
    assert.equal((await node.send(rip, broken)).code, 'malformed-json');
    assert.equal((await lastRecords()).outcome?.code, 'malformed-json');
    assert.doesNotMatch(JSON.stringify(await node.records()), /hunter2/);
    const hiding = seal({ input: { text: 'a' }, sensitive: ['text'] });
    assert.equal((await node.send(rip, hiding)).code, 'bad-commitment');
    assert.equal((await lastRecords()).outcome?.code, 'bad-commitment');
  });
});

describe('a malformed request', () => {
  test('is an error if it cannot be decoded, and the daemon keeps running', async () => {
    const connection = await node.dial(rip);
    const { signal } = new AbortController();
    const before = await strangersAt(node, rip);
    const garbage = { request: Buffer.from([255, 255, 255]), signature: Buffer.alloc(0), chain: [], sensitive: {} };
    await assert.rejects(
      connection.call(garbage, () => {}, signal),
      { code: 'malformed-message' },
    );
    const huge = { ...seal(), request: Buffer.alloc(2 * 1024 * 1024) };
    await assert.rejects(
      connection.call(huge, () => {}, signal),
      { code: 'too-large' },
    );
    connection.close();
    assert.equal(await strangersAt(node, rip), before + 1, 'what can be no record is counted and noted');
  });

  test('is refused with nested, polluting or over-long arguments', async () => {
    const deep = JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown;
    const connection = await node.dial(rip);
    const { signal } = new AbortController();
    for (const bytes of [
      JSON.stringify({ text: deep }),
      '{"text":"a","__proto__":{"x":1}}',
      '{"text":12345678901234567890}',
      '[1]',
      '{',
    ]) {
      const signed = tamper(seal(), { arguments: Buffer.from(bytes) }, rip);
      await assert.rejects(
        connection.call(signed, () => {}, signal),
        { code: 'malformed-json' },
        bytes.slice(0, 40),
      );
    }
    connection.close();
  });
});

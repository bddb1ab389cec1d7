import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { sign } from '../../../../src/core/credentials/signature.ts';
import { Problem } from '../../../../src/core/errors.ts';
import {
  digestRequest,
  FailedReply,
  failure,
  okReply,
  openReply,
  type ReplyEnvelope,
  refusal,
  replyStatus,
  sealReply,
} from '../../../../src/core/request/reply.ts';
import { revealSensitive } from '../../../../src/core/request/sensitive.ts';
import { openRequest, proveCaller, revealInput, sealRequest } from '../../../../src/core/request/request.ts';
import { replyCodec, requestCodec } from '../../../../src/core/wire/codec.ts';
import type { Reply, Request, SignedReply, SignedRequest } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';
import { thrownBy } from '../../../support/thrown.ts';

let fleet: Fleet;
let rip: Member;
let eve: Member;
let dev2: Member;
let dev4: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip@devco.net'), fleet.operator('eve@devco.net')]);
  [dev2, dev4] = await Promise.all([fleet.node('dev2.devco.net'), fleet.node('dev4.devco.net')]);
});
after(() => fleet.remove());

/** A request with other fields, signed as it then is. */
function signedWith(changes: Partial<Request>, by = rip): SignedRequest {
  const sealed = sealRequest(orderFor('dev2.devco.net'), by.credentials, Date.now());
  const request = requestCodec.encode({ ...requestCodec.decode(sealed.request), ...changes });
  return { ...sealed, request, signature: sign('request', request, by.key) };
}

describe('a request that is opened', () => {
  test('has an id of 32 hex digits, a nonce of 16 bytes, a try from 1 on, and names of at most 1024 characters', () => {
    const longest = { runId: 'a'.repeat(1024), lease: 'a'.repeat(1024) };
    for (const good of [{}, { try: 1 }, { try: 2 }, { requestId: '0123456789abcdef'.repeat(2) }, longest]) {
      assert.equal(openRequest(signedWith(good)).request.target, 'dev2.devco.net');
    }
    for (const bad of [
      { try: 0 },
      { nonce: Buffer.alloc(15) },
      { nonce: Buffer.alloc(17) },
      { nonce: Buffer.alloc(0) },
      { requestId: '' },
      { requestId: 'a'.repeat(31) },
      { requestId: 'a'.repeat(33) },
      { requestId: 'A'.repeat(32) },
      { requestId: `${'a'.repeat(32)}\n` },
      { requestId: `x${'a'.repeat(32)}` },
      ...['target', 'agent', 'action', 'runId', 'lease'].map((name) => ({ [name]: 'a'.repeat(1025) })),
    ]) {
      assert.throws(() => openRequest(signedWith(bad)), { code: 'malformed-message' }, JSON.stringify(bad));
    }
    for (const protocol of [0, 2])
      assert.throws(() => openRequest(signedWith({ protocol })), { code: 'other-protocol' });
  });
});

describe('a request that is sealed', () => {
  const sealed = (changes: object) => {
    const order = orderFor('dev2.devco.net', changes);
    return openRequest(sealRequest(order, rip.credentials, 5)).request;
  };

  test('contains the call of its caller, at a time', () => {
    const filter = { facts: ['cluster=bravo'], classes: [], agents: [], identities: [], with: [], select: '' };
    const known = { sequence: 7, hash: 'ab'.repeat(32) };
    const run = { runId: 'r', step: 's', lease: 'app/bravo', fence: 3 };
    const { knownHash, ...request } = sealed({
      try: 2,
      deadline: 9,
      dryRun: true,
      detach: true,
      filter,
      known,
      ...run,
    });
    const expected = { try: 2, deadline: 9, dryRun: true, detach: true, filter, knownSequence: 7, issuedAt: 5, ...run };
    assert.partialDeepStrictEqual(request, expected);
    assert.equal(knownHash.toString('hex'), known.hash);
  });

  test('defaults to a first try without a deadline, outside of a run, for any node it is sent to', () => {
    const first = { try: 1, timeToLive: 60_000, deadline: 0, dryRun: false, detach: false };
    const outside = { runId: '', step: '', lease: '', fence: 0, filter: null, knownSequence: 0 };
    assert.partialDeepStrictEqual(sealed({}), { ...first, ...outside, knownHash: Buffer.alloc(0) });
  });

  test('has a new nonce each time', () => {
    const order = orderFor('dev2.devco.net');
    const nonces = [1, 2].map(() => openRequest(sealRequest(order, rip.credentials, 5)).request.nonce.toString('hex'));
    assert.notEqual(nonces[0], nonces[1]);
  });
});

describe('the caller of a request', () => {
  const prove = (signed: SignedRequest) => proveCaller(openRequest(signed), fleet.trust, Date.now()).identity.name;

  test('is proven by its signature and its certificate, and must be the one that the request names', () => {
    assert.equal(prove(signedWith({})), 'rip@devco.net');
    const signed = signedWith({});
    const mine = [eve.certificate.raw];
    const bad = { code: 'bad-signature' };
    assert.throws(() => prove({ ...signed, chain: [] }), { ...bad, message: 'the request has no certificate' });
    assert.throws(() => prove({ ...signed, chain: mine }), {
      ...bad,
      message: /signature of the request is not valid/,
    });
    const stolen = signedWith({ caller: 'mco://devco.net/operator/rip@devco.net' }, eve);
    assert.throws(() => prove(stolen), {
      ...bad,
      message: /names mco:.*rip@devco\.net, its certificate eve@devco\.net/,
    });
    assert.throws(() => prove(signedWith({}, dev4)), { code: 'wrong-kind' });
  });

  test('is nobody if a signature was made for another purpose', () => {
    const signed = signedWith({});
    const reused = { ...signed, signature: sign('reply', signed.request, rip.key) };
    assert.throws(() => prove(reused), { code: 'bad-signature' });
  });
});

describe('a sensitive input', () => {
  const sealed = (input: Record<string, unknown>, sensitive: string[]) =>
    sealRequest(orderFor('dev2.devco.net', { input: input as never, sensitive }), rip.credentials, Date.now());

  test('is recovered from its commitment, and only with its own salt and value', () => {
    const signed = sealed({ text: 'x', secret: 'pin' }, ['secret', 'nothing']);
    const opened = openRequest(signed);
    assert.deepEqual(revealInput(opened), { text: 'x', secret: 'pin' });
    assert.doesNotMatch(JSON.stringify(opened.shown), /pin/);
    const { secret } = signed.sensitive;
    assert.ok(secret !== undefined);
    for (const sensitive of [
      {},
      { secret: { ...secret, value: Buffer.from('"pan"') } },
      { secret: { ...secret, salt: Buffer.alloc(32) } },
      { secret: { ...secret, salt: Buffer.alloc(31) } },
      { secret, text: secret },
      { secret, more: secret },
    ]) {
      const other = { ...opened, signed: { ...signed, sensitive } };
      assert.throws(() => revealInput(other), { code: 'bad-commitment' }, JSON.stringify(Object.keys(sensitive)));
    }
  });
});

describe('the replacement of a sensitive input', () => {
  const salt = Buffer.alloc(32, 7);
  const committed = (salted: Buffer, value: string) => {
    const hash = createHash('sha256').update('mco-deploy/1/sensitive\0').update(salted).update(value).digest('hex');
    return { $commitment: `sha256:${hash}` };
  };
  const bad = { code: 'bad-commitment' };

  test('is a commitment to 32 bytes of salt and the value, whose boundary cannot be moved', () => {
    const pin = { pin: committed(salt, '12') };
    const hidden = (salted: Buffer, value: string) => ({ pin: { salt: salted, value: Buffer.from(value) } });
    assert.deepEqual(revealSensitive(pin, hidden(salt, '12')), { pin: 12 });
    const moved = hidden(Buffer.concat([salt, Buffer.from('1')]), '2');
    assert.throws(() => revealSensitive(pin, moved), bad);
    const short = salt.subarray(1);
    assert.throws(() => revealSensitive({ pin: committed(short, '12') }, hidden(short, '12')), bad);
  });

  test('is refused if it is not such a commitment', () => {
    const hidden = { salt, value: Buffer.from('12') };
    for (const $commitment of ['', 'sha256:', 7, null, `${committed(salt, '12').$commitment}0`]) {
      assert.throws(() => revealSensitive({ pin: { $commitment } }, { pin: hidden }), bad, JSON.stringify($commitment));
    }
  });

  test('is refused if its value is none that may stand in the arguments, without a word of it in the message', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    for (const value of ['', 'hunter2', '"hunter2', '{"__proto__":{"hunter2":1}}', deep, '9007199254740993']) {
      const hidden = { pin: { salt, value: Buffer.from(value) } };
      const fault = thrownBy(() => revealSensitive({ pin: committed(salt, value) }, hidden));
      assert.equal(fault.code, 'malformed-json', value.slice(0, 40));
      assert.doesNotMatch(inspect(fault), /hunter2/);
    }
    const broken = Buffer.from([0x22, 0xff, 0x22]);
    const hash = createHash('sha256').update('mco-deploy/1/sensitive\0').update(salt).update(broken).digest('hex');
    const pin = { $commitment: `sha256:${hash}` };
    assert.throws(() => revealSensitive({ pin }, { pin: { salt, value: broken } }), { code: 'malformed-json' });
  });

  test('is refused without a value, even under a name that every object has', () => {
    assert.throws(() => revealSensitive({ constructor: committed(salt, '12') }, {}), bad);
  });

  test('leaves any other value unchanged', () => {
    const shown = { none: null, text: 'x', number: 7, list: [1], object: { a: 1 } };
    assert.deepEqual(revealSensitive(shown, {}), shown);
    for (const name of Object.keys(shown)) {
      const beside = { [name]: { salt, value: Buffer.from('12') } };
      assert.throws(() => revealSensitive(shown, beside), { ...bad, message: /that was not signed/ }, name);
    }
  });
});

describe('the reply of a node', () => {
  test('has the status codes of SimpleRPC, with a problem’s code, message and hint', () => {
    const problem = new Problem('timeout', 'too late', 'call again');
    const said = { code: 'timeout', message: 'too late', hint: 'call again', data: {} };
    assert.deepEqual(okReply({ a: 1 }), { outcome: 'ok', status: 0, code: '', message: '', hint: '', data: { a: 1 } });
    assert.deepEqual(failure(problem), { outcome: 'failed', status: 1, ...said });
    assert.deepEqual(failure(problem, 'cancelled'), { outcome: 'cancelled', status: 1, ...said });
    assert.deepEqual(refusal(problem), { outcome: 'refused', status: 5, ...said });
    assert.deepEqual(refusal(problem, replyStatus.unknownAction).status, 2);
    assert.deepEqual([replyStatus.missingInput, replyStatus.invalidInput], [3, 4]);
  });

  test('has the status and the data of a failure that defines them', () => {
    const own = new FailedReply('agent-failed', 'half of it', 7, { done: 3 });
    const said = { code: 'agent-failed', message: 'half of it', hint: '' };
    assert.deepEqual(failure(own), { outcome: 'failed', status: 7, ...said, data: { done: 3 } });
  });
});

describe('a reply that is opened', () => {
  const request = Buffer.from('the bytes of a request');
  const envelope: ReplyEnvelope = {
    requestId: 'a'.repeat(32),
    try: 1,
    requestDigest: digestRequest(request),
    startedAt: 1,
    finishedAt: 2,
    recorded: false,
    auditHead: null,
    headCheck: 'UNCHECKED',
  };
  const open = (signed: SignedReply, node = 'dev2.devco.net') =>
    openReply(signed, request, node, fleet.trust, Date.now()).outcome;
  const signedReply = (changes: Partial<Reply>, by: Member): SignedReply => {
    const sealed = sealReply(okReply({}), envelope, by.credentials);
    const reply = replyCodec.encode({ ...replyCodec.decode(sealed.reply), ...changes });
    return { ...sealed, reply, signature: sign('reply', reply, by.key) };
  };

  test('comes from the intended node, by its certificate and its name, to exactly this request', () => {
    assert.equal(open(signedReply({}, dev2)), 'ok');
    const bad = { code: 'bad-reply' };
    const good = signedReply({}, dev2);
    assert.throws(() => open({ ...good, chain: [] }), { ...bad, message: /has no certificate/ });
    assert.throws(() => open({ ...good, chain: [dev4.certificate.raw] }), { ...bad, message: /is not valid/ });
    assert.throws(() => open(signedReply({ node: 'dev2.devco.net' }, dev4)), { ...bad, message: /signed by dev4/ });
    assert.throws(() => open(signedReply({ node: 'dev4.devco.net' }, dev2)), {
      ...bad,
      message: /of dev2\S* names another/,
    });
    assert.throws(() => open(signedReply({ requestDigest: digestRequest(Buffer.from('x')) }, dev2)), {
      ...bad,
      message: /belongs to another request/,
    });
    assert.throws(() => open(signedReply({}, rip)), { code: 'wrong-kind' });
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sign } from '../../../../src/core/credentials/signature.ts';
import {
  digestRequest,
  okReply,
  openReply,
  type ReplyEnvelope,
  sealReply,
} from '../../../../src/core/request/reply.ts';
import { openRequest, proveCaller, revealInput, sealRequest } from '../../../../src/core/request/request.ts';
import { replyCodec, requestCodec } from '../../../../src/core/wire/codec.ts';
import type { Reply, Request, SignedReply, SignedRequest } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';

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
  test('is one with an id of 32 hex digits, a nonce of 16 bytes, and a try from 1 on', () => {
    for (const good of [{}, { try: 1 }, { try: 2 }, { requestId: '0123456789abcdef'.repeat(2) }]) {
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
    ]) {
      assert.throws(() => openRequest(signedWith(bad)), { code: 'malformed-message' }, JSON.stringify(bad));
    }
    for (const protocol of [0, 2])
      assert.throws(() => openRequest(signedWith({ protocol })), { code: 'other-protocol' });
  });
});

describe('the caller of a request', () => {
  const prove = (signed: SignedRequest) => proveCaller(openRequest(signed), fleet.trust, Date.now()).identity.name;

  test('is proven by its signature and its certificate, and must be who the request names', () => {
    assert.equal(prove(signedWith({})), 'rip@devco.net');
    const signed = signedWith({});
    const mine = [eve.certificate.raw];
    const bad = { code: 'bad-signature' };
    assert.throws(() => prove({ ...signed, chain: [] }), { ...bad, message: 'the request has no certificate' });
    assert.throws(() => prove({ ...signed, chain: mine }), {
      ...bad,
      message: /signature of the request does not hold/,
    });
    const stolen = signedWith({ caller: 'mco://devco.net/operator/rip@devco.net' }, eve);
    assert.throws(() => prove(stolen), {
      ...bad,
      message: /names mco:.*rip@devco\.net, its certificate eve@devco\.net/,
    });
    assert.throws(() => prove(signedWith({}, dev4)), { code: 'wrong-kind' });
  });

  test('is nobody when a signature was made for something else', () => {
    const signed = signedWith({});
    const reused = { ...signed, signature: sign('reply', signed.request, rip.key) };
    assert.throws(() => prove(reused), { code: 'bad-signature' });
  });
});

describe('a sensitive input', () => {
  const sealed = (input: Record<string, unknown>, sensitive: string[]) =>
    sealRequest(orderFor('dev2.devco.net', { input: input as never, sensitive }), rip.credentials, Date.now());

  test('comes back from its commitment, and only with its own salt and value', () => {
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

  test('is of the node that was meant, by its certificate and by its own word, to this very request', () => {
    assert.equal(open(signedReply({}, dev2)), 'ok');
    const bad = { code: 'bad-reply' };
    const good = signedReply({}, dev2);
    assert.throws(() => open({ ...good, chain: [] }), { ...bad, message: /has no certificate/ });
    assert.throws(() => open({ ...good, chain: [dev4.certificate.raw] }), { ...bad, message: /does not hold/ });
    assert.throws(() => open(signedReply({ node: 'dev2.devco.net' }, dev4)), { ...bad, message: /signed by dev4/ });
    assert.throws(() => open(signedReply({ node: 'dev4.devco.net' }, dev2)), { ...bad, message: /not by dev2/ });
    assert.throws(() => open(signedReply({ requestDigest: digestRequest(Buffer.from('x')) }, dev2)), {
      ...bad,
      message: /belongs to another request/,
    });
    assert.throws(() => open(signedReply({}, rip)), { code: 'wrong-kind' });
  });
});

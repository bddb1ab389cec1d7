import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sign } from '../../../../src/core/credentials/signature.ts';
import {
  digestQuery,
  openQuery,
  openQueryReply,
  signQuery,
  signQueryReply,
} from '../../../../src/core/request/query.ts';
import { queryCodec, queryReplyCodec } from '../../../../src/core/wire/codec.ts';
import type { Query, QueryReply, SignedQuery, SignedQueryReply } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const now = Date.now();
const node = 'dev2.devco.net';
const reference = { requestId: 'a'.repeat(32), try: 1, requestDigest: Buffer.alloc(32, 1) };

let fleet: Fleet;
let rip: Member;
let eve: Member;
let dev2: Member;
let dev4: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip@devco.net'), fleet.operator('eve@devco.net')]);
  [dev2, dev4] = await Promise.all([fleet.node(node), fleet.node('dev4.devco.net')]);
});
after(() => fleet.remove());

describe('a query that is signed', () => {
  test('names its node, its operator, its time and its lifetime, and has a new nonce each time', () => {
    const nonces = [1, 2].map(() => {
      const { query } = openQuery(signQuery(node, { result: reference }, rip.credentials, now), fleet.trust, now);
      const { nonce, ...said } = query;
      assert.deepEqual(said, {
        protocol: 1,
        target: node,
        caller: 'mco://devco.net/operator/rip@devco.net',
        issuedAt: now,
        timeToLive: 60_000,
        result: reference,
      });
      assert.equal(nonce.length, 16);
      return nonce.toString('hex');
    });
    assert.notEqual(nonces[0], nonces[1]);
  });
});

describe('a query that is opened', () => {
  const signedWith = (changes: Partial<Query>, by = rip): SignedQuery => {
    const signed = signQuery(node, { result: reference }, by.credentials, now);
    const query = queryCodec.encode({ ...queryCodec.decode(signed.query), ...changes });
    return { ...signed, query, signature: sign('query', query, by.key) };
  };
  const open = (signed: SignedQuery) => openQuery(signed, fleet.trust, now).caller.identity.name;

  test('belongs to this protocol and has a nonce of 16 bytes', () => {
    assert.equal(open(signedWith({})), 'rip@devco.net');
    for (const protocol of [0, 2]) assert.throws(() => open(signedWith({ protocol })), { code: 'other-protocol' });
    for (const length of [0, 15, 17]) {
      assert.throws(
        () => open(signedWith({ nonce: Buffer.alloc(length) })),
        { code: 'malformed-message' },
        `${length}`,
      );
    }
  });

  test('names a call by its id, its try and its digest, which a node may have to keep', () => {
    for (const kind of ['result', 'cancel'] as const) {
      const naming = (changes: object) => signedWith({ result: null, [kind]: { ...reference, ...changes } });
      assert.equal(open(naming({})), 'rip@devco.net');
      for (const bad of [
        { requestId: '' },
        { requestId: 'a'.repeat(100_000) },
        { requestId: 'A'.repeat(32) },
        { try: 0 },
        { requestDigest: Buffer.alloc(0) },
        { requestDigest: Buffer.alloc(33) },
      ]) {
        assert.throws(() => open(naming(bad)), { code: 'malformed-message' }, `${kind} ${Object.keys(bad)}`);
      }
    }
  });

  test('is proven by its signature and its certificate, and belongs to the operator that it names', () => {
    const signed = signedWith({});
    const bad = { code: 'bad-signature' };
    assert.throws(() => open({ ...signed, chain: [] }), { ...bad, message: 'the query has no certificate' });
    assert.throws(() => open({ ...signed, chain: [eve.certificate.raw] }), { ...bad, message: /is not valid/ });
    assert.throws(() => open({ ...signed, signature: sign('request', signed.query, rip.key) }), bad);
    assert.throws(() => open(signedWith({ caller: 'mco://devco.net/operator/rip@devco.net' }, eve)), {
      ...bad,
      message: /names mco:.*rip@devco\.net, its certificate eve@devco\.net/,
    });
    assert.throws(() => open(signedWith({}, dev4)), { code: 'wrong-kind' });
    assert.throws(() => openQuery(signed, fleet.trust, rip.certificate.validToDate.getTime() + 1), {
      code: 'expired-certificate',
    });
  });
});

describe('a reply to a query that is opened', () => {
  const query = Buffer.from('the bytes of a query');
  const content = { result: { state: 'RUNNING', reply: null } } as const;
  const signedReply = (changes: Partial<QueryReply>, by: Member): SignedQueryReply => {
    const signed = signQueryReply(content, query, by.credentials);
    const reply = queryReplyCodec.encode({ ...queryReplyCodec.decode(signed.reply), ...changes });
    return { ...signed, reply, signature: sign('query-reply', reply, by.key) };
  };
  const open = (signed: SignedQueryReply) => openQueryReply(signed, query, node, fleet.trust, now).result?.state;

  test('comes from the node that was called, by its certificate and its name, to this query', () => {
    const good = signedReply({}, dev2);
    assert.equal(open(good), 'RUNNING');
    const bad = { code: 'bad-reply' };
    assert.throws(() => open({ ...good, chain: [] }), { ...bad, message: /has no certificate/ });
    assert.throws(() => open({ ...good, chain: [dev4.certificate.raw] }), { ...bad, message: /is not valid/ });
    assert.throws(() => open({ ...good, signature: sign('reply', good.reply, dev2.key) }), bad);
    assert.throws(() => open(signedReply({ node }, dev4)), { ...bad, message: /signed by dev4/ });
    assert.throws(() => open(signedReply({ node: 'dev4.devco.net' }, dev2)), {
      ...bad,
      message: /of dev2\S* names another/,
    });
    assert.throws(() => open(signedReply({ queryDigest: digestQuery(Buffer.from('x')) }, dev2)), {
      ...bad,
      message: /belongs to another query/,
    });
    assert.throws(() => open(signedReply({}, rip)), { code: 'wrong-kind' });
  });
});

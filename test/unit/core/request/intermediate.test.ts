import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Authority, certifyIntermediate, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { identityOf } from '../../../../src/core/credentials/certificate.ts';
import type { Trust } from '../../../../src/core/credentials/proof.ts';
import type { Credentials } from '../../../../src/core/credentials/signature.ts';
import { openQuery, openQueryReply, signQuery, signQueryReply } from '../../../../src/core/request/query.ts';
import { digestRequest, okReply, openReply, sealReply } from '../../../../src/core/request/reply.ts';
import { openRequest, proveCaller, sealRequest } from '../../../../src/core/request/request.ts';
import { makeKeyPair as makeEncryptionKey, openKey, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import { orderFor } from '../../../support/node/node.ts';

const node = 'dev2.devco.net';

/** A side that trusts one root, with CAs below it. */
async function makeRootFleet(): Promise<{ realm: string; authority: Authority; trust: Trust }> {
  const realm = 'devco.net';
  const authority = await makeRoot(realm, Date.now() - 60_000);
  return { realm, authority, trust: { realm, authorities: [authority.certificate], isRevoked: () => false } };
}

/** Credentials under an intermediate CA of its own, which nobody else has seen. */
async function below(
  { realm, authority }: Awaited<ReturnType<typeof makeRootFleet>>,
  kind: 'node' | 'operator',
  name: string,
): Promise<Credentials> {
  const [ca, holder] = [makeKeyPair(), makeKeyPair()];
  const certificate = await certifyIntermediate(authority, ca.publicKey, Date.now());
  const issuer = { realm, certificate, key: ca.privateKey };
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const content = { kind, name, publicKey: holder.publicKey, relay: false, applications: [] };
  const leaf = await signCertificate(content, validity, issuer);
  const identity = identityOf(leaf);
  assert.ok(identity !== undefined);
  return { identity, certificate: leaf, issuers: [certificate], key: holder.privateKey };
}

describe('the signer’s intermediate CA', () => {
  test('is included in a request, and leads to the root', async () => {
    const fleet = await makeRootFleet();
    const caller = await below(fleet, 'operator', 'rip@devco.net');
    const opened = openRequest(sealRequest(orderFor(node), caller, Date.now()));
    const alone = { ...opened, signed: { ...opened.signed, chain: opened.signed.chain.slice(0, 1) } };
    assert.throws(() => proveCaller(alone, fleet.trust, Date.now()), { code: 'foreign-certificate' });
    assert.equal(proveCaller(opened, fleet.trust, Date.now()).identity.name, 'rip@devco.net');
  });

  test('is included in a reply, and leads to the root', async () => {
    const fleet = await makeRootFleet();
    const request = Buffer.from('the bytes of a request');
    const envelope = {
      requestId: 'a'.repeat(32),
      try: 1,
      requestDigest: digestRequest(request),
      startedAt: 1,
      finishedAt: 2,
      recorded: false,
      auditHead: null,
      headCheck: 'UNCHECKED',
    } as const;
    const signed = sealReply(okReply({}), envelope, await below(fleet, 'node', node));
    const open = (chain = signed.chain) =>
      openReply({ ...signed, chain }, request, node, fleet.trust, Date.now()).outcome;
    assert.throws(() => open(signed.chain.slice(0, 1)), { code: 'foreign-certificate' });
    assert.equal(open(), 'ok');
  });

  test('is included in the encryption key of a node, and leads to the root', async () => {
    const fleet = await makeRootFleet();
    const pair = makeEncryptionKey();
    const signed = signKey(pair, await below(fleet, 'node', node), Date.now());
    const open = (chain = signed.chain) => openKey({ ...signed, chain }, node, fleet.trust, Date.now());
    assert.throws(() => open(signed.chain.slice(0, 1)), { code: 'foreign-certificate' });
    assert.deepEqual(open(), pair.publicKey);
  });

  test('is included in a query and in the reply to it, and leads to the root', async () => {
    const fleet = await makeRootFleet();
    const caller = await below(fleet, 'operator', 'rip@devco.net');
    const query = signQuery(node, {}, caller, Date.now());
    const ask = (chain = query.chain) => openQuery({ ...query, chain }, fleet.trust, Date.now()).caller.identity.name;
    assert.throws(() => ask(query.chain.slice(0, 1)), { code: 'foreign-certificate' });
    assert.equal(ask(), 'rip@devco.net');
    const reply = signQueryReply({}, query.query, await below(fleet, 'node', node));
    const open = (chain = reply.chain) =>
      openQueryReply({ ...reply, chain }, query.query, node, fleet.trust, Date.now()).node;
    assert.throws(() => open(reply.chain.slice(0, 1)), { code: 'foreign-certificate' });
    assert.equal(open(), node);
  });
});

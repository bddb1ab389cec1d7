import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { makeAuthority, makeRoot } from '../../../src/ca/x509/authority.ts';
import { issueCertificate } from '../../../src/ca/issue.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { profiles } from '../../../src/ca/x509/profiles.ts';
import { identityOf } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate, type Trust } from '../../../src/core/credentials/proof.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const day = 24 * 60 * 60 * 1000;

describe('issuing by profile', () => {
  test('a node gets its identity as URI and DNS name, server and client usage', async () => {
    const authority = await makeAuthority('devco.net', now);
    const { publicKey } = makeKeyPair();
    const certificate = await issueCertificate({ kind: 'node', name: 'dev1.devco.net', publicKey, now }, authority);
    assert.equal(certificate.subjectAltName, 'URI:mco://devco.net/node/dev1.devco.net, DNS:dev1.devco.net');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.checkIssued(authority.certificate), true);
    assert.equal(certificate.publicKey.equals(publicKey), true);
  });

  test('an operator gets its identity only as URI, and only client usage', async () => {
    const authority = await makeAuthority('devco.net', now);
    const order = { kind: 'operator', name: 'rip@devco.net', publicKey: makeKeyPair().publicKey, now } as const;
    const certificate = await issueCertificate(order, authority);
    assert.equal(certificate.subjectAltName, 'URI:mco://devco.net/operator/rip@devco.net');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.deepEqual(identityOf(certificate), { kind: 'operator', realm: 'devco.net', name: 'rip@devco.net' });
  });

  test('a certificate begins a few minutes in the past and ends at the date of the profile or the options', async () => {
    const authority = await makeAuthority('devco.net', now);
    const order = { kind: 'node', name: 'dev1', publicKey: makeKeyPair().publicKey, now } as const;
    const usual = await issueCertificate(order, authority);
    assert.equal(Date.parse(usual.validFrom), now - 5 * 60 * 1000);
    assert.equal(Date.parse(usual.validTo), now + profiles.node.days * day);
    const short = await issueCertificate({ ...order, days: 2 }, authority);
    assert.equal(Date.parse(short.validTo), now + 2 * day);
  });

  test('a certificate never outlives the CA, and an expired CA issues none', async () => {
    const authority = await makeAuthority('devco.net', now, 10);
    const order = { kind: 'node', name: 'dev1', publicKey: makeKeyPair().publicKey, now } as const;
    const certificate = await issueCertificate(order, authority);
    assert.equal(certificate.validTo, authority.certificate.validTo);
    const last = Date.parse(authority.certificate.validTo);
    await issueCertificate({ ...order, now: last - 1 }, authority);
    for (const late of [last, last + day])
      await assert.rejects(issueCertificate({ ...order, now: late }, authority), { code: 'expired-authority' });
  });

  test('serials are positive, of 128 random bits, and never repeated', async () => {
    const authority = await makeAuthority('devco.net', now);
    const order = { kind: 'node', name: 'dev1', publicKey: makeKeyPair().publicKey, now } as const;
    const made = await Promise.all(Array.from({ length: 20 }, () => issueCertificate(order, authority)));
    const serials = new Set(made.map(({ serialNumber }) => serialNumber));
    assert.equal(serials.size, 20);
    for (const serial of serials) assert.match(serial, /^4D[0-9A-F]{32}$/);
  });

  test('a name that is too long for a common name is only in the alternative name', async () => {
    const authority = await makeAuthority('devco.net', now);
    const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.devco.net`;
    const order = { kind: 'node', name, publicKey: makeKeyPair().publicKey, now } as const;
    const certificate = await issueCertificate(order, authority);
    assert.equal(certificate.subject ?? '', '');
    assert.equal(identityOf(certificate)?.name, name);
    assert.equal(certificate.checkHost(name), name);
  });

  test('a root issues no certificates to nodes and operators', async () => {
    const root = await makeRoot('devco.net', now);
    const order = { kind: 'node', name: 'dev1', publicKey: makeKeyPair().publicKey, now } as const;
    await assert.rejects(issueCertificate(order, root), { code: 'wrong-ca' });
  });

  test('refuses names that cannot be part of a certificate, keys that are not P-256, and no time or all time', async () => {
    const authority = await makeAuthority('devco.net', now);
    const { publicKey } = makeKeyPair();
    for (const name of [
      '',
      'Dev1',
      '../x',
      'a b',
      'a,URI:mco://devco.net/operator/root',
      'a\n',
      `${'a'.repeat(254)}`,
    ]) {
      const order = { kind: 'node', name, publicKey, now } as const;
      await assert.rejects(issueCertificate(order, authority), { code: 'bad-name' }, name);
    }
    await assert.rejects(makeAuthority('devco.net/node', now), { code: 'bad-name' });
    const others = [
      generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ];
    for (const { publicKey: other } of others) {
      const order = { kind: 'node', name: 'dev1', publicKey: other, now } as const;
      await assert.rejects(issueCertificate(order, authority), { code: 'bad-key' });
    }
    for (const days of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const message = `a certificate can't be valid for ${days} days`;
      const order = { kind: 'node', name: 'a', publicKey, now, days } as const;
      await assert.rejects(issueCertificate(order, authority), { code: 'bad-days', message });
    }
  });

  test('two CAs of one realm are distinguished', async () => {
    const [old, fresh] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const order = { kind: 'node', name: 'dev1', publicKey: makeKeyPair().publicKey, now } as const;
    const certificate = new X509Certificate((await issueCertificate(order, old)).toString());
    const both: Trust = {
      realm: 'devco.net',
      authorities: [fresh.certificate, old.certificate],
      isRevoked: (_, issuer) => issuer !== old.certificate,
    };
    assert.equal(proveCertificate(certificate, 'node', both, now).identity.name, 'dev1');
    assert.notEqual(old.certificate.subject, fresh.certificate.subject);
    const onlyFresh = { ...both, authorities: [fresh.certificate] };
    assert.throws(() => proveCertificate(certificate, 'node', onlyFresh, now), { code: 'foreign-certificate' });
  });
});

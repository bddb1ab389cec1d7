import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import {
  keepCertificates,
  parseCertificate,
  releaseCertificate,
} from '../../../../src/core/credentials/certificate.ts';

test('a certificate that returns after 130 others is read once if that many are kept, and again if they are not', async () => {
  const now = Date.now();
  const authority = await makeAuthority('devco.net', now);
  const { publicKey } = makeKeyPair();
  const validity = { notBefore: now, notAfter: now + 60_000 };
  const encoded: Buffer[] = [];
  for (let index = 0; index < 131; index++)
    encoded.push((await signCertificate({ kind: 'node', name: `web${index}`, publicKey }, validity, authority)).raw);
  const [first = Buffer.alloc(0), ...others] = encoded;
  const isKept = () => {
    const before = parseCertificate(first);
    for (const one of others) parseCertificate(one);
    return parseCertificate(first) === before;
  };
  assert.equal(isKept(), false);
  keepCertificates(500);
  assert.equal(isKept(), true);
  keepCertificates(10);
  assert.equal(isKept(), true, 'a smaller number takes nothing back');
});

test('a certificate that is released stays while few are kept, and is dropped while many are', async () => {
  const now = Date.now();
  const authority = await makeAuthority('devco.net', now);
  const { publicKey } = makeKeyPair();
  const validity = { notBefore: now, notAfter: now + 60_000 };
  const certificate = await signCertificate({ kind: 'node', name: 'db1', publicKey }, validity, authority);
  const own = Buffer.from(certificate.raw);
  keepCertificates(500);
  const isDropped = () => {
    const before = parseCertificate(own);
    releaseCertificate(own);
    return parseCertificate(own) !== before;
  };
  // The same one in many forms takes as many places.
  const forms = Array.from({ length: 300 }, (_, index) => `${certificate.toString()}${'\n'.repeat(index)}`);
  for (const form of forms) parseCertificate(form);
  assert.equal(isDropped(), true);
  for (const form of forms) releaseCertificate(Buffer.from(form, 'latin1'));
  assert.equal(isDropped(), false);
});

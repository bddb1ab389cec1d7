import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { keepCertificates, parseCertificate } from '../../../../src/core/credentials/certificate.ts';

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

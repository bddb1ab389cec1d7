import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Authority, makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { crlLabel, readCrl, readCrls } from '../../../../src/ca/revocation/crl.ts';
import { element, readChildren, readElement, tags } from '../../../../src/ca/x509/der.ts';
import { decodePem, encodePem } from '../../../../src/ca/x509/pem.ts';
import { makeRevocationList, type Revocation } from '../../../../src/ca/revocation/revocation-list.ts';

const now = Date.UTC(2026, 5, 1);
const day = 24 * 60 * 60 * 1000;
const serials = ['4D00112233445566778899AABBCCDDEEFF', '80', 'FF01', '1'.padStart(2, '0')];
const revoked: Revocation[] = serials.map((serial) => ({ serial, at: now, reason: 'keyCompromise' }));

function listOf(authority: Authority, number = 7, entries = revoked): string {
  return makeRevocationList({ revoked: entries, number, now, days: 30 }, authority);
}

/** The list with its signed part changed, and signed again by the same CA. */
function resigned(pem: string, authority: Authority, change: (parts: Buffer[]) => Buffer[]): string {
  const [tbs, algorithm] = readChildren(readElement(decodePem(pem, crlLabel)[0] ?? Buffer.alloc(0)));
  assert.ok(tbs && algorithm);
  const changed = element(tags.sequence, ...change(readChildren(tbs).map(({ whole }) => Buffer.from(whole))));
  const signature = sign('sha256', changed, authority.key);
  const bits = element(tags.bitString, Buffer.of(0), signature);
  return encodePem(element(tags.sequence, changed, algorithm.whole, bits), crlLabel);
}

describe('reading a revocation list', () => {
  test('returns its number, its dates, its issuer and the revoked serials', async () => {
    const authority = await makeAuthority('devco.net', now);
    const crl = readCrl(listOf(authority, 300), [authority.certificate]);
    assert.equal(crl.number, 300);
    assert.equal(crl.nextUpdate, now + 30 * day);
    assert.ok(crl.thisUpdate <= now);
    assert.equal(crl.issuerFingerprint, authority.certificate.fingerprint256);
    assert.equal(crl.size, serials.length);
    for (const serial of serials) assert.equal(crl.isRevoked(serial), true, serial);
    for (const serial of ['4D', '', '0080', '4D00112233445566778899AABBCCDDEEFE']) {
      assert.equal(crl.isRevoked(serial), false, serial);
    }
  });

  test('an empty list revokes nothing', async () => {
    const authority = await makeAuthority('devco.net', now);
    const crl = readCrl(listOf(authority, 1, []), [authority.certificate]);
    assert.equal(crl.size, 0);
    assert.equal(crl.isRevoked(serials[0] ?? ''), false);
  });

  test('refuses a list of another CA, and skips it next to one of its own', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const [a, b] = [listOf(mine, 1, []), listOf(other, 2)];
    assert.throws(() => readCrl(b, [mine.certificate]), { code: 'foreign-crl' });
    assert.throws(() => readCrl(b, []), { code: 'foreign-crl' });
    assert.deepEqual(
      readCrls(a + b, [mine.certificate]).map(({ number }) => number),
      [1],
    );
    assert.deepEqual(
      readCrls(a + b, [other.certificate, mine.certificate]).map(({ number }) => number),
      [1, 2],
    );
    assert.throws(() => readCrl(a + b, [mine.certificate, other.certificate]), { code: 'bad-crl' });
  });

  test('refuses a list with any byte changed', async () => {
    const authority = await makeAuthority('devco.net', now);
    const [bytes] = decodePem(listOf(authority), crlLabel);
    assert.ok(bytes);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const read = () => readCrl(encodePem(changed, crlLabel), [authority.certificate]);
      assert.throws(read, ({ code }) => code === 'bad-crl' || code === 'foreign-crl', `byte ${at}`);
    }
  });

  test('refuses a list that is truncated anywhere, has a tail, or is invalid', async () => {
    const authority = await makeAuthority('devco.net', now);
    const [bytes] = decodePem(listOf(authority), crlLabel);
    assert.ok(bytes);
    const read = (content: Uint8Array) => () => readCrl(encodePem(content, crlLabel), [authority.certificate]);
    for (let length = 0; length < bytes.length; length += 7) {
      assert.throws(read(bytes.subarray(0, length)), { code: 'bad-crl' });
    }
    assert.throws(read(Buffer.concat([bytes, Buffer.of(5, 0)])), { code: 'bad-crl' });
    for (const text of ['', 'hello', authority.certificate.toString(), encodePem(bytes, 'CRL')]) {
      assert.throws(() => readCrl(text, [authority.certificate]), { code: 'bad-crl' });
    }
  });

  test('refuses a list without a number or a next date, and one with an unknown critical extension', async () => {
    const authority = await makeAuthority('devco.net', now);
    const pem = listOf(authority);
    const read = (change: (parts: Buffer[]) => Buffer[]) => () =>
      readCrl(resigned(pem, authority, change), [authority.certificate]);
    assert.equal(read((parts) => parts)().number, 7);
    assert.throws(
      read((parts) => parts.slice(0, -1)),
      { code: 'bad-crl' },
    );
    assert.throws(
      read((parts) => parts.filter((_, index) => index !== 4)),
      { code: 'bad-crl' },
    );
    assert.throws(
      read((parts) => parts.slice(1)),
      { code: 'bad-crl' },
    );
    // issuingDistributionPoint (RFC 5280, 5.2.5) would make this a list of other CAs' certificates.
    const critical = element(
      tags.sequence,
      element(tags.oid, Buffer.from('551d1c', 'hex')),
      element(tags.boolean, Buffer.of(0xff)),
      element(tags.octetString, Buffer.of(0x30, 0)),
    );
    const withCritical = (parts: Buffer[]) => {
      const [sequence] = readChildren(readElement(parts.at(-1) ?? Buffer.alloc(0)));
      assert.ok(sequence);
      const extensions = element(tags.sequence, sequence.content, critical);
      return [...parts.slice(0, -1), element(tags.explicit0, extensions)];
    };
    assert.throws(read(withCritical), { code: 'bad-crl' });
  });

  test('refuses a list signed by a key that only resembles the CA', async () => {
    const authority = await makeAuthority('devco.net', now);
    const liar = await makeAuthority('devco.net', now);
    const forged = { ...authority, key: createPrivateKey(liar.key.export({ type: 'pkcs8', format: 'pem' })) };
    const pem = resigned(listOf(authority), forged, (parts) => parts);
    assert.throws(() => readCrl(pem, [authority.certificate]), { code: 'foreign-crl' });
  });

  test('reads ten thousand entries', async () => {
    const authority = await makeAuthority('devco.net', now);
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      serial: `4D${index.toString(16).padStart(32, '0').toUpperCase()}`,
      at: now,
      reason: 'superseded' as const,
    }));
    const crl = readCrl(listOf(authority, 1, many), [authority.certificate]);
    assert.equal(crl.size, 10_000);
    assert.equal(crl.isRevoked(many[9_999]?.serial ?? ''), true);
  });
});

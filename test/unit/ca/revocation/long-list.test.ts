import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign, type X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { readCrl } from '../../../../src/ca/revocation/crl.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import { makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { element, integer, readChildren, readOnly, tags } from '../../../../src/ca/x509/der.ts';
import { decodePem, encodePem } from '../../../../src/ca/x509/pem.ts';

const reasons = ['unspecified', 'keyCompromise', 'superseded'] as const;

describe('a revocation list of 50,000 serials', () => {
  test('is read completely: every serial is found, with any length and reason, and no other', async () => {
    const authority = await makeAuthority('devco.net', Date.now());
    const revoked = Array.from({ length: 50_000 }, (_, index) => {
      const bytes = randomBytes(1 + (index % 20));
      bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 1;
      const serial = bytes.toString('hex').toUpperCase();
      return { serial, at: Date.now(), reason: reasons[index % 3] ?? 'unspecified' };
    });
    const crl = readCrl(makeRevocationList({ revoked, number: 1, now: Date.now(), days: 30 }, authority), [
      authority.certificate,
    ]);
    assert.equal(crl.size, 50_000);
    for (const { serial } of revoked) assert.ok(crl.isRevoked(serial), serial);
    const known = new Set(revoked.map(({ serial }) => serial));
    for (let index = 0; index < 10_000; index++) {
      const serial = `7F${randomBytes(12).toString('hex').toUpperCase()}`;
      assert.equal(crl.isRevoked(serial), known.has(serial));
    }
    assert.equal(crl.isRevoked(''), false);
  });
});

describe('a revocation list of another CA', () => {
  for (const [name, key, oid, digest] of [
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }), '06092a864886f70d01010b0500', 'sha256'],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' }), '06082a8648ce3d040303', 'sha384'],
    ['Ed25519', generateKeyPairSync('ed25519'), '06032b6570', null],
  ] as const) {
    test(`is accepted when it is signed with ${name}`, async () => {
      const authority = await makeAuthority('devco.net', Date.now());
      const revoked = [{ serial: '4D01', at: Date.now(), reason: 'keyCompromise' as const }];
      const [made = Buffer.alloc(0)] = decodePem(
        makeRevocationList({ revoked, number: 7, now: Date.now(), days: 30 }, authority),
        'X509 CRL',
      );
      const [list] = readChildren(readOnly(made, tags.sequence));
      const algorithm = element(tags.sequence, Buffer.from(oid, 'hex'));
      const fields = readChildren(readOnly(list?.whole ?? made, tags.sequence)).map(({ whole }) => whole);
      const signed = element(tags.sequence, integer(1), algorithm, ...fields.slice(2));
      const signature = element(tags.bitString, Buffer.of(0), sign(digest, signed, key.privateKey));
      const pem = encodePem(element(tags.sequence, signed, algorithm, signature), 'X509 CRL');
      const signer = { publicKey: key.publicKey, fingerprint256: 'AA' } as X509Certificate;
      const crl = readCrl(pem, [authority.certificate, signer]);
      assert.deepEqual([crl.number, crl.isRevoked('4D01'), crl.issuerFingerprint], [7, true, 'AA']);
      assert.throws(() => readCrl(pem, [authority.certificate]), { code: 'foreign-crl' });
    });
  }
});

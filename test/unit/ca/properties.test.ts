import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { readCrls } from '../../../src/ca/revocation/crl.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { fingerprintOf, keyOfRequest, makeRequest } from '../../../src/ca/x509/request.ts';
import { identityOf, parseCertificate, proveCertificate } from '../../../src/core/credentials/certificate.ts';
import { Problem } from '../../../src/core/errors.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { holds, mutated } from '../../support/property/property.ts';

let fleet: Fleet;
let rip: Member;
let crl: Buffer;
let request: Buffer;
let fingerprint: string;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  fleet.revoke(await fleet.operator('mallory@devco.net'));
  crl = bytesOf(await fleet.crl());
  const keys = makeKeyPair();
  fingerprint = fingerprintOf(keys.publicKey);
  request = bytesOf(await makeRequest(keys, 'dev2.devco.net'));
});
after(() => fleet.remove());

function bytesOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
/** A file of that kind with such bytes in it, or any text. */
function fileOf(label: string, good: Buffer): fc.Arbitrary<string> {
  const pem = (bytes: Buffer) => `-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`;
  return fc.oneof(
    fc.oneof(anyBytes, mutated(good)).map(pem),
    fc.string({ unit: 'binary' }),
    mutated(Buffer.from(pem(good))).map(String),
  );
}

describe('what a stranger hands in', () => {
  test('as a certificate is proven only when it is the very one that the CA signed', () => {
    holds(
      fc.property(fc.oneof(anyBytes, mutated(rip.certificate.raw)), (bytes) => {
        try {
          const certificate = parseCertificate(bytes);
          identityOf(certificate);
          const { identity } = proveCertificate(certificate, 'operator', fleet.trust, Date.now());
          assert.equal(identity.name, 'rip@devco.net');
          assert.deepEqual(certificate.raw, rip.certificate.raw);
        } catch (error) {
          assert.ok(error instanceof Problem, String(error));
        }
      }),
      1000,
    );
  });

  test('as a revocation list is read only when it is the very one that the CA signed', () => {
    const { authorities } = fleet.trust;
    holds(
      fc.property(fileOf('X509 CRL', crl), (text) => {
        try {
          for (const { number } of readCrls(text, authorities)) assert.equal(Number(number), 1);
        } catch (error) {
          assert.ok(error instanceof Problem, String(error));
        }
      }),
      1000,
    );
  });

  test('as a certificate request gives the key that signed it, or nothing', async () => {
    await holds(
      fc.asyncProperty(fileOf('CERTIFICATE REQUEST', request), async (text) => {
        try {
          assert.equal(fingerprintOf(await keyOfRequest(text)), fingerprint);
        } catch (error) {
          assert.ok(error instanceof Problem, String(error));
        }
      }),
      500,
    );
  });
});

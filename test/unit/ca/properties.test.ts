import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { readCrls } from '../../../src/ca/revocation/crl.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { fingerprintOf, keyOfRequest, makeRequest } from '../../../src/ca/x509/request.ts';
import { identityOf, parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { Problem } from '../../../src/core/errors.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { holds, mutated, reached, tweaked } from '../../support/property/property.ts';

let fleet: Fleet;
let rip: Member;
let crl: Buffer;
/** A list of another CA of the same realm. */
let foreign: Buffer;
let request: Buffer;
let fingerprint: string;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  fleet.revoke(await fleet.operator('mallory@devco.net'));
  crl = bytesOf(await fleet.crl());
  await using other = await makeFleet();
  foreign = bytesOf(await other.crl());
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

/** The same bytes, with lines of any width and end, and text around them. */
function wrapped(label: string, bytes: Buffer): fc.Arbitrary<string> {
  const around = fc.constantFrom('', '# by hand\n', 'subject=/CN=x\r\n', '\n\n');
  return fc
    .tuple(around, fc.integer({ min: 4, max: 76 }), fc.constantFrom('\n', '\r\n'), around)
    .map(([head, width, end, tail]) => {
      const lines = bytes.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
      return [`${head}-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, tail].join(end);
    });
}

/** Lists of the fleet and of others, one after the other, as a file may hold them. */
function severalLists(): fc.Arbitrary<string> {
  const list = fc.constantFrom(crl, foreign).chain((bytes) => wrapped('X509 CRL', bytes));
  return fc.array(list, { minLength: 1, maxLength: 4 }).map((lists) => lists.join('\n'));
}

describe('input from a stranger', () => {
  test('is accepted as a certificate only if it is exactly what the CA signed', () => {
    holds(
      fc.property(
        fc.oneof(anyBytes, mutated(rip.certificate.raw), { weight: 6, arbitrary: tweaked(rip.certificate.raw) }),
        (bytes) => {
          try {
            const certificate = parseCertificate(bytes);
            reached();
            identityOf(certificate);
            const { identity } = proveCertificate(certificate, 'operator', fleet.trust, Date.now());
            assert.equal(identity.name, 'rip@devco.net');
            assert.deepEqual(certificate.raw, rip.certificate.raw);
          } catch (error) {
            assert.ok(error instanceof Problem, String(error));
          }
        },
      ),
      1000,
    );
  });

  test('is accepted as a revocation list only if it is exactly what the CA signed', () => {
    const { authorities } = fleet.trust;
    holds(
      fc.property(fc.oneof(fileOf('X509 CRL', crl), severalLists(), severalLists()), (text) => {
        try {
          for (const { number, raw } of readCrls(text, authorities)) {
            reached();
            assert.equal(number, 1);
            assert.deepEqual(raw, crl);
          }
        } catch (error) {
          assert.ok(error instanceof Problem, String(error));
        }
      }),
      1000,
    );
  });

  test('gives as a certificate request the key that signed it, or nothing', async () => {
    await holds(
      fc.asyncProperty(
        fc.oneof(fileOf('CERTIFICATE REQUEST', request), wrapped('CERTIFICATE REQUEST', request)),
        async (text) => {
          try {
            const key = await keyOfRequest(text, 'dev1.csr');
            reached();
            assert.equal(fingerprintOf(key), fingerprint);
          } catch (error) {
            assert.ok(error instanceof Problem, String(error));
          }
        },
      ),
      500,
    );
  });
});

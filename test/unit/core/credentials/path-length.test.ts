import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { buildCertificate } from '../../../../src/ca/x509/certificate.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { authorityProfile, profiles, rootProfile } from '../../../../src/ca/x509/profiles.ts';
import { limitOf, pathLengthOf } from '../../../../src/core/credentials/path-length.ts';

const { publicKey, privateKey: signingKey } = makeKeyPair();
const dates = { notBefore: Date.now(), notAfter: Date.now() + 1000 };
const make = (name: string, pathLength: number | undefined, issuer?: Awaited<ReturnType<typeof buildCertificate>>) => {
  const { pathLength: _, ...rest } = pathLength === undefined ? profiles.node : authorityProfile;
  const profile = pathLength === undefined ? rest : { ...rest, pathLength };
  const names = { realm: 'devco.net', name: pathLength === undefined ? name : '', commonName: name };
  const above = issuer === undefined ? {} : { issuer };
  return buildCertificate({ profile, ...names, publicKey, signingKey, ...dates, ...above });
};

describe('the path length of a CA certificate', () => {
  for (const length of [0, 1, 127, 128, 300, 70_000]) {
    test(`is read: ${length}`, async () => assert.equal(pathLengthOf(await make('CA', length)), length));
  }

  test('is undefined if there is none, even if other extensions contain the same bytes', async () => {
    assert.equal(pathLengthOf(await make('dev2.devco.net', undefined)), undefined);
    const look = Buffer.from('30130603551d130101ff040830060101ff020103', 'hex').toString('latin1');
    assert.equal(pathLengthOf(await make(`CA ${look}`, 5)), 5);
  });

  test('is undefined in a certificate with parts that are missing, and found behind others', () => {
    const read = (raw: Buffer) => pathLengthOf({ raw } as X509Certificate);
    const element = (tag: number, ...content: Buffer[]) => {
      const bytes = Buffer.concat(content);
      const { length } = bytes;
      const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
      return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
    };
    const sequence = (...content: Buffer[]) => element(0x30, ...content);
    const id = element(0x06, Buffer.from('551d13', 'hex'));
    const critical = element(0x01, Buffer.from([0xff]));
    const seven = element(0x02, Buffer.from([7]));
    const withExtensions = (...all: Buffer[]) => sequence(sequence(seven, element(0xa3, sequence(...all))));
    const constraints = (...content: Buffer[]) => element(0x04, sequence(...content));
    for (const [what, raw] of Object.entries({
      nothing: Buffer.alloc(0),
      'half an element': Buffer.from([0x30]),
      'no body': sequence(),
      'an empty body': sequence(sequence()),
      'no extensions': sequence(sequence(seven)),
      'no list of them': sequence(sequence(element(0xa3))),
      'an empty list': withExtensions(),
      'an empty extension': withExtensions(sequence()),
      'no value': withExtensions(sequence(id)),
      'an empty value': withExtensions(sequence(id, element(0x04))),
      'an empty value after another': withExtensions(sequence(id, constraints(seven), element(0x04))),
      'no length': withExtensions(sequence(id, constraints(critical))),
      'another extension': withExtensions(sequence(element(0x06, Buffer.from('551d0f', 'hex')), constraints(seven))),
      'a list in another place': sequence(sequence(element(0xa1, sequence(sequence(id, constraints(seven)))))),
    })) {
      assert.equal(read(raw), undefined, what);
    }
    assert.equal(read(withExtensions(sequence(id, constraints(seven)))), 7);
    for (const length of [1, 127, 128, 129, 255, 256, 300]) {
      const value = element(0x04, Buffer.alloc(length, 0x30));
      const other = sequence(element(0x06, Buffer.from('551d0f', 'hex')), value);
      const own = sequence(id, critical, constraints(critical, seven));
      assert.equal(read(withExtensions(other, own)), 7, `behind ${length} bytes`);
    }
  });

  test('limits the CAs below it, except those that it issued to itself', async () => {
    const root = await make('root', rootProfile.pathLength ?? 0);
    const [single, other] = [await make('one', 5, root), await make('two', 5, root)];
    assert.equal(limitOf([single, root]), undefined);
    assert.equal(limitOf([single, other, root]), root);
    const renewed = await make('root', 5, root);
    assert.equal(limitOf([single, renewed, root]), undefined);
  });
});

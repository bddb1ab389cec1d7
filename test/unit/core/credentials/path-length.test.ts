import assert from 'node:assert/strict';
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

  test('limits the CAs below it, except those that it issued to itself', async () => {
    const root = await make('root', rootProfile.pathLength ?? 0);
    const [single, other] = [await make('one', 5, root), await make('two', 5, root)];
    assert.equal(limitOf([single, root]), undefined);
    assert.equal(limitOf([single, other, root]), root);
    const renewed = await make('root', 5, root);
    assert.equal(limitOf([single, renewed, root]), undefined);
  });
});

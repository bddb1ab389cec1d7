import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { X509Certificate } from 'node:crypto';
import { buildCertificate } from '../../../../src/ca/x509/certificate.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { authorityProfile, type Profile, profiles } from '../../../../src/ca/x509/profiles.ts';
import { type Authority, certifyIntermediate, makeAuthority, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import { readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { rememberIssuers } from '../../../../src/core/credentials/issuers.ts';
import { parseCertificate } from '../../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../../src/core/credentials/proof.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';

const hour = 60 * 60 * 1000;

describe('a certificate of the CA, as the fleet checks it', () => {
  test('proves a node as a node and an operator as an operator', async () => {
    await using fleet = await makeFleet();
    const node = await fleet.node('dev1.devco.net');
    const operator = await fleet.operator('rip@devco.net');
    const now = Date.now();
    assert.deepEqual(proveCertificate(node.certificate, 'node', fleet.trust, now).identity, node.identity);
    assert.deepEqual(proveCertificate(operator.certificate, 'operator', fleet.trust, now).identity, operator.identity);
  });

  test('is refused as the wrong kind, in both directions', async () => {
    await using fleet = await makeFleet();
    const node = await fleet.node('dev1.devco.net');
    const operator = await fleet.operator('rip@devco.net');
    const prove = (certificate: typeof node.certificate, kind: 'node' | 'operator') => () =>
      proveCertificate(certificate, kind, fleet.trust, Date.now());
    assert.throws(prove(node.certificate, 'operator'), { code: 'wrong-kind' });
    assert.throws(prove(operator.certificate, 'node'), { code: 'wrong-kind' });
  });

  test('is refused when it is expired or not yet valid', async () => {
    await using fleet = await makeFleet();
    const expired = await fleet.node('old', { notAfter: Date.now() - hour });
    const early = await fleet.node('new', { notBefore: Date.now() + hour });
    const prove = (certificate: typeof expired.certificate) => () =>
      proveCertificate(certificate, 'node', fleet.trust, Date.now());
    assert.throws(prove(expired.certificate), { code: 'expired-certificate' });
    assert.throws(prove(early.certificate), { code: 'early-certificate' });
  });

  test('is refused when it comes from another CA of the same realm, or is the CA itself', async () => {
    await using fleet = await makeFleet();
    await using other = await makeFleet();
    const foreign = await other.node('dev1.devco.net');
    const prove = (certificate: typeof foreign.certificate) => () =>
      proveCertificate(certificate, 'node', fleet.trust, Date.now());
    assert.throws(prove(foreign.certificate), { code: 'foreign-certificate' });
    assert.throws(prove(fleet.authority.certificate), { code: 'foreign-certificate' });
  });

  test('is refused without a name of the fleet in it, or with the rights of a CA', async () => {
    await using fleet = await makeFleet();
    const { authority } = fleet;
    const build = (profile: Profile) =>
      buildCertificate({
        profile,
        realm: 'devco.net',
        name: 'dev1.devco.net',
        commonName: 'dev1.devco.net',
        publicKey: makeKeyPair().publicKey,
        signingKey: authority.key,
        issuer: authority.certificate,
        notBefore: Date.now() - hour,
        notAfter: Date.now() + hour,
      });
    const prove = (certificate: X509Certificate) => proveCertificate(certificate, 'node', fleet.trust, Date.now());
    const { node } = profiles;
    assert.equal(prove(await build(node)).identity.name, 'dev1.devco.net');
    for (const [what, profile] of [
      ['no name of a fleet', { ...node, names: ['DNS:{name}'] }],
      ['the name of a CA', { ...node, names: ['URI:mco://{realm}/ca'] }],
      ['the rights of a CA', { ...node, pathLength: 0, keyUsage: [...node.keyUsage, 'keyCertSign'] }],
    ] as const) {
      const certificate = await build(profile);
      assert.throws(() => prove(certificate), { code: 'foreign-certificate' }, what);
    }
    const elsewhere = await build({ ...node, names: ['URI:mco://other.net/node/{name}'] });
    assert.throws(() => prove(elsewhere), { code: 'foreign-certificate', message: /of realm other\.net/ });
  });

  test('is valid from its first moment to its last, and not a second longer', async () => {
    await using fleet = await makeFleet();
    const { certificate } = await fleet.node('dev1.devco.net');
    const [first, last] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    const codeAt = (now: number) => {
      try {
        proveCertificate(certificate, 'node', fleet.trust, now);
        return '';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    assert.deepEqual([first, last].map(codeAt), ['', '']);
    assert.deepEqual([first - 1, last + 1].map(codeAt), ['early-certificate', 'expired-certificate']);
  });

  test('is never taken from the cache if one byte changed', async () => {
    await using fleet = await makeFleet();
    const { certificate } = await fleet.node('dev1.devco.net');
    assert.equal(parseCertificate(certificate.raw), parseCertificate(certificate.raw));
    const forged = Buffer.from(certificate.raw);
    forged.write('dev2', forged.indexOf('dev1', forged.indexOf('mco://')));
    assert.throws(() => proveCertificate(parseCertificate(forged), 'node', fleet.trust, Date.now()), {
      code: 'foreign-certificate',
    });
    assert.throws(() => parseCertificate(forged.subarray(1)), { code: 'bad-certificate' });
  });
});

describe('a certificate of the CA with a revocation list', () => {
  test('proves nothing to another fleet, nor to its own once it is revoked', async () => {
    await using fleet = await makeFleet();
    await using other = await makeFleet();
    const node = await fleet.node('dev1.devco.net');
    const prove = ({ trust }: typeof fleet) => {
      const certificate = parseCertificate(node.certificate.raw);
      return proveCertificate(certificate, 'node', trust, Date.now()).identity.name;
    };
    for (const _ of [1, 2]) {
      assert.equal(prove(fleet), 'dev1.devco.net');
      assert.throws(() => prove(other), { code: 'foreign-certificate' });
    }
    fleet.revoke(node);
    assert.throws(() => prove(fleet), { code: 'revoked-certificate' });
  });

  test('is refused if, and only if, a list revokes it', async () => {
    await using fleet = await makeFleet();
    const lost = await fleet.operator('lost@devco.net');
    const kept = await fleet.operator('kept@devco.net');
    fleet.revoke(lost);
    const { isRevoked, warnings } = await readRevocations(await fleet.crl(), fleet.trust.authorities);
    const trust = { ...fleet.trust, isRevoked };
    assert.deepEqual(warnings(Date.now()), []);
    assert.throws(() => proveCertificate(lost.certificate, 'operator', trust, Date.now()), {
      code: 'revoked-certificate',
    });
    assert.equal(proveCertificate(kept.certificate, 'operator', trust, Date.now()).identity.name, 'kept@devco.net');
  });

  test('is still revoked by an overdue list, with a warning; one soon due warns too', async () => {
    await using fleet = await makeFleet();
    const lost = await fleet.node('lost');
    fleet.revoke(lost);
    const pem = await fleet.crl({ days: 10 });
    const { authorities } = fleet.trust;
    const { isRevoked, warnings } = await readRevocations(pem, authorities);
    assert.match(warnings(Date.now() + 4 * 24 * hour).join(), /is due by/);
    assert.match(warnings(Date.now() + 11 * 24 * hour).join(), /has been due since/);
    assert.equal(isRevoked(lost.certificate.serialNumber, fleet.authority.certificate), true);
    const another = await makeAuthority('devco.net', Date.now());
    assert.equal(isRevoked(lost.certificate.serialNumber, another.certificate), false);
  });

  test('is refused as long as the CA that revoked it is trusted, with any of its certificates', async () => {
    const now = Date.now();
    const old = await makeRoot('devco.net', now);
    const other = await makeRoot('devco.net', now);
    const { publicKey, privateKey: key } = makeKeyPair();
    const certificate = await certifyIntermediate(old, publicKey, now);
    const below: Authority = { realm: 'devco.net', certificate, key };
    /** Another certificate of a CA, for the same name and key. */
    const again = async (of: Authority, by: Authority): Promise<Authority> => ({
      ...of,
      certificate: await buildCertificate({
        profile: authorityProfile,
        realm: 'devco.net',
        name: '',
        commonName: of.certificate.subject.slice('CN='.length),
        publicKey: of.certificate.publicKey,
        signingKey: by.key,
        notBefore: now - hour,
        notAfter: now + hour,
        ...(of === by ? {} : { issuer: by.certificate }),
      }),
    });
    const single = await makeAuthority('devco.net', now);
    const renewed = await again(single, single);
    const signedTwice = await again(below, other);
    const validity = { notBefore: now - hour, notAfter: now + hour };
    const leafOf = (by: Authority) =>
      signCertificate({ kind: 'node', name: 'dev1.devco.net', publicKey: makeKeyPair().publicKey }, validity, by);
    const listOf = (by: Authority, { serialNumber: serial }: X509Certificate) => {
      const revoked = [{ serial, at: now, reason: 'keyCompromise' as const }];
      return makeRevocationList({ revoked, number: 1, now, days: 30 }, by);
    };
    for (const [by, twin, roots] of [
      [single, renewed, [single, renewed]],
      [single, renewed, [renewed, single]],
      [below, signedTwice, [old, other]],
      [signedTwice, below, [old, other]],
    ] as const) {
      const leaf = await leafOf(by);
      const authorities = roots.map((root) => root.certificate);
      const issuers = [by.certificate, twin.certificate];
      rememberIssuers(issuers, { authorities });
      for (const beside of ['', String(issuers[0]), String(issuers[1]), issuers.join('')]) {
        const { isRevoked } = await readRevocations(undefined, authorities, undefined, listOf(by, leaf) + beside);
        const prove = (one: X509Certificate) =>
          proveCertificate(one, 'node', { realm: 'devco.net', authorities, isRevoked }, now);
        assert.throws(() => prove(leaf), { code: 'revoked-certificate' });
      }
    }
    // A root that takes its signature back leaves the other way open.
    const leaf = await leafOf(below);
    const authorities = [old.certificate, other.certificate];
    const lists = listOf(old, below.certificate);
    const { isRevoked } = await readRevocations(lists, authorities);
    const trust = { realm: 'devco.net', authorities, isRevoked };
    assert.equal(proveCertificate(leaf, 'node', trust, now).identity.name, 'dev1.devco.net');
    const alone = { ...trust, authorities: [old.certificate] };
    assert.throws(() => proveCertificate(leaf, 'node', alone, now), { code: 'revoked-certificate' });
  });
});

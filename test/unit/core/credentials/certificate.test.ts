import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Authority, makeAuthority, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { buildCertificate } from '../../../../src/ca/x509/certificate.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { authorityProfile, type Profile, profiles } from '../../../../src/ca/x509/profiles.ts';
import { hasRelayRole, identityOf, issuersIn, parseCertificate } from '../../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../../src/core/credentials/proof.ts';
import { rememberIssuers } from '../../../../src/core/credentials/issuers.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';

const hour = 60 * 60 * 1000;
const now = Math.floor(Date.now() / 1000) * 1000;

let fleet: Fleet;
before(async () => {
  fleet = await makeFleet();
});
after(() => fleet.remove());

interface Made {
  readonly profile?: Partial<Profile>;
  readonly from?: number;
  readonly to?: number;
}

/** A certificate of a node, or of a CA, that a CA has signed. */
async function make(
  by: Authority,
  { profile = {}, from = now - hour, to = now + hour }: Made = {},
): Promise<Authority> {
  const { publicKey, privateKey: key } = makeKeyPair();
  const certificate = await buildCertificate({
    profile: { ...profiles.node, ...profile },
    realm: 'devco.net',
    name: 'dev1.devco.net',
    commonName: profile.pathLength === undefined ? 'dev1.devco.net' : `CA ${Math.random()}`,
    publicKey,
    signingKey: by.key,
    notBefore: from,
    notAfter: to,
    issuer: by.certificate,
  });
  return { realm: 'devco.net', certificate, key };
}
const ca = (pathLength: number): Partial<Profile> => ({ ...authorityProfile, pathLength });

describe('the identity in a certificate', () => {
  const named = async (...names: string[]) =>
    identityOf((await make(fleet.authority, { profile: { names } })).certificate);

  test('is the one name of a fleet among its names', async () => {
    const identity = await named('URI:mco://devco.net/node/dev1');
    assert.partialDeepStrictEqual(identity, { kind: 'node', realm: 'devco.net', name: 'dev1' });
    const others = ['DNS:dev1.devco.net', 'URI:https://devco.net/mco', 'URI:spiffe://devco.net/x'];
    assert.deepEqual(await named(...others, 'URI:mco://devco.net/node/dev1'), identity);
    assert.equal(await named(...others), undefined);
    assert.equal(await named('URI:mco://devco.net/node/dev1', 'URI:mco://devco.net/node/dev2'), undefined);
    assert.equal(await named('URI:mco://devco.net/nobody/dev1'), undefined);
    assert.equal(
      await named('URI:https://devco.net/x, URI:mco://devco.net/node/dev1, y'),
      undefined,
      'a part of a name',
    );
    assert.equal(await named('DNS:mco://devco.net/node/dev1'), undefined, 'the name of a host is not an identity');
    assert.equal(await named(), undefined);
    assert.equal(identityOf({ subjectAltName: undefined } as X509Certificate), undefined);
  });

  test('has the applications that an operator is limited to, of its realm', async () => {
    const applications = async (options?: { applications: string[] }) =>
      identityOf((await fleet.operator('job@devco.net', options)).certificate)?.applications;
    assert.deepEqual(await applications({ applications: ['app', 'shop'] }), ['app', 'shop']);
    assert.equal(await applications(), undefined);
    const own = 'URI:mco://devco.net/operator/job';
    assert.deepEqual((await named(own, 'URI:mco-for://devco.net/app'))?.applications, ['app']);
    assert.equal((await named(own, 'URI:mco-role://devco.net/relay'))?.applications, undefined);
  });

  test('is none if it is limited in a way that this side does not understand', async () => {
    const own = 'URI:mco://devco.net/operator/job';
    for (const limit of [
      'mco-for://other.net/app',
      'MCO-FOR://devco.net/app',
      'mco-for:app',
      'mco-for://devco.net/a,b',
    ]) {
      assert.equal(await named(own, `URI:${limit}`), undefined, limit);
      assert.equal(await named(own, 'URI:mco-for://devco.net/app', `URI:${limit}`), undefined, limit);
    }
  });

  test('has the role of a relay if its CA gave it', async () => {
    assert.equal(hasRelayRole((await fleet.node('lb1.devco.net', { relay: true })).certificate), true);
    assert.equal(hasRelayRole((await fleet.node('dev1.devco.net')).certificate), false);
    const relay = async (...names: string[]) =>
      hasRelayRole((await make(fleet.authority, { profile: { names } })).certificate);
    assert.equal(await relay('URI:mco-role://devco.net/relay'), false, 'of nobody');
    assert.equal(await relay('URI:mco://devco.net/node/x', 'URI:mco-role://other.net/relay'), false);
    assert.equal(await relay('URI:mco://devco.net/node/x', 'URI:mco-role://devco.net/other'), false);
  });
});

describe('a certificate that is read', () => {
  test('is kept for the next time, 128 of them, none of which is longer than 4 KiB', async () => {
    const { certificate } = await make(fleet.authority);
    const pem = certificate.toString();
    assert.equal(parseCertificate(certificate.raw), parseCertificate(Buffer.from(certificate.raw)));
    assert.equal(parseCertificate(pem), parseCertificate(pem));
    assert.notEqual(parseCertificate(pem), parseCertificate(certificate.raw), 'by the bytes that were given');
    const long = (length: number) => pem.padEnd(length, '\n');
    assert.equal(parseCertificate(long(4096)), parseCertificate(long(4096)));
    assert.notEqual(parseCertificate(long(4097)), parseCertificate(long(4097)));
    const first = parseCertificate(long(2000));
    for (let other = 1; other < 128; other++) parseCertificate(long(2000 + other));
    assert.equal(parseCertificate(long(2000)), first);
    parseCertificate(long(2128));
    assert.notEqual(parseCertificate(long(2000)), first, 'the oldest made room');
    for (const bytes of ['', 'x', Buffer.alloc(0), Buffer.from([0x30])]) {
      assert.throws(() => parseCertificate(bytes), {
        code: 'bad-certificate',
        message: 'the certificate cannot be read',
      });
    }
  });

  test('has at most five others between it and its root', async () => {
    const { certificate } = await make(fleet.authority);
    const others = Array.from({ length: 7 }, (_, index) =>
      Buffer.from(certificate.toString().padEnd(3000 + index, '\n')),
    );
    const [first, ...rest] = issuersIn(others);
    assert.deepEqual([first, rest.length], [parseCertificate(others[1] ?? ''), 4]);
    assert.deepEqual([issuersIn([]), issuersIn(others.slice(0, 1))], [[], []]);
  });
});

describe('a certificate below an intermediate CA', () => {
  /** The result of proving a certificate, with the lists of each CA. */
  const prove = (
    root: Authority,
    certificate: X509Certificate,
    { at = now, revoked = [] as readonly (readonly [X509Certificate, Authority])[] } = {},
  ) => {
    const isRevoked = (serial: string, issuer: X509Certificate) =>
      revoked.some(([one, by]) => one.serialNumber === serial && by.certificate === issuer);
    const trust = { realm: 'devco.net', authorities: [root.certificate], isRevoked };
    try {
      return proveCertificate(certificate, 'node', trust, at).identity.name;
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return `${code}: ${message.replaceAll(/“[^”]*”/g, '“…”')}`;
    }
  };
  const chain = async (middleDates: Made = {}) => {
    const root = await makeRoot('devco.net', now - hour);
    const middle = await make(root, { ...middleDates, profile: ca(0) });
    rememberIssuers([middle.certificate], { authorities: [root.certificate] });
    const leaf = await make(middle, { from: now - 10 * hour, to: now + 10 * hour });
    return { root, middle, leaf };
  };

  test('is refused when it was revoked by its CA, or that CA by the one above, and by nobody else', async () => {
    const { root, middle, leaf } = await chain();
    const who = 'the certificate of node dev1.devco.net';
    const by = (...revoked: (readonly [Authority, Authority])[]) =>
      prove(root, leaf.certificate, { revoked: revoked.map(([one, by]) => [one.certificate, by] as const) });
    assert.equal(by(), 'dev1.devco.net');
    assert.equal(by([leaf, middle]), `revoked-certificate: ${who} was revoked`);
    assert.equal(by([middle, root]), `revoked-certificate: the CA “…” that issued ${who} was revoked`);
    assert.equal(by([leaf, root], [middle, middle], [root, middle]), 'dev1.devco.net');
  });

  test('is valid only while its CA is, to the second', async () => {
    const dates = { from: now - 2 * hour, to: now + 2 * hour };
    const { root, leaf } = await chain(dates);
    const iso = (time: number) => new Date(time).toISOString();
    const words = `expired-certificate: the CA “…” that issued the certificate of node dev1.devco.net is valid from ${iso(dates.from)} to ${iso(dates.to)} only`;
    const at = (time: number) => prove(root, leaf.certificate, { at: time });
    assert.deepEqual([at(now), at(dates.to)], ['dev1.devco.net', 'dev1.devco.net']);
    assert.deepEqual([at(dates.to + 1), at(dates.from - 1)], [words, words]);
    const { root: long, leaf: other } = await chain({ from: now - hour / 2 });
    assert.equal(prove(long, other.certificate, { at: now - hour / 2 }), 'dev1.devco.net');
  });

  test('is refused with the reason if its CA is not allowed in that position', async () => {
    const single = await makeAuthority('devco.net', now - hour);
    const middle = await make(single, { profile: ca(0) });
    rememberIssuers([middle.certificate], { authorities: [single.certificate] });
    const { certificate } = await make(middle);
    const said = prove(single, certificate);
    const words = 'the CA “…” may have no more than 0 CAs below it, and more stand between it and this certificate';
    assert.equal(said, `foreign-certificate: ${words}`);
    const last = await make(await make(await makeRoot('devco.net', now - hour), { profile: ca(0) }));
    assert.match(prove(single, last.certificate), /not issued by this fleet's CA \(its issuer: .*CN=CA 0/);
  });
});

describe('the fault of a certificate', () => {
  test('is reported with its dates, its kind and the required one', async () => {
    const proven = (certificate: X509Certificate, kind: 'node' | 'operator', at = now) =>
      proveCertificate(certificate, kind, fleet.trust, at);
    const dates = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2026, 1, 1) };
    const node = await fleet.node('dev1.devco.net', dates);
    const operator = await fleet.operator('rip@devco.net');
    const who = 'the certificate of node dev1.devco.net';
    assert.throws(() => proven(node.certificate, 'node', dates.notAfter + 1), {
      message: `${who} expired on 2026-02-01T00:00:00.000Z`,
    });
    assert.throws(() => proven(node.certificate, 'node', dates.notBefore - 1), {
      message: `${who} is not valid before 2026-01-01T00:00:00.000Z`,
    });
    const both = await fleet.node('dev2.devco.net');
    assert.throws(() => proven(both.certificate, 'operator'), {
      message: 'dev2.devco.net is a node, and only an operator may do this',
    });
    assert.throws(() => proven(operator.certificate, 'node'), {
      message: 'rip@devco.net is an operator, and only a node may do this',
    });
  });
});

import assert from 'node:assert/strict';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { buildCertificate } from '../../../../src/ca/x509/certificate.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { authorityProfile, type Profile, profiles } from '../../../../src/ca/x509/profiles.ts';
import {
  describePathFault,
  isIssuedBy,
  isRoot,
  issuersOf,
  missingLink,
  pathsOf,
  recallIssuers,
  rememberIssuers,
} from '../../../../src/core/credentials/issuers.ts';

const hour = 60 * 60 * 1000;
const now = Date.now();

interface Holder {
  readonly certificate: X509Certificate;
  readonly publicKey: KeyObject;
  readonly key: KeyObject;
}
interface Made {
  /** Random if omitted. */
  readonly name?: string;
  /** The number of CAs that it may have below it. */
  readonly pathLength?: number;
  readonly profile?: Profile;
  /** The holder of its key; a new key if omitted. */
  readonly keyOf?: Holder;
}

/** A CA, unless a profile makes it another certificate, signed by a CA or, without one, by itself. */
async function make(by?: Holder, { name, pathLength = 9, profile, keyOf }: Made = {}): Promise<Holder> {
  const { publicKey, privateKey: key } = makeKeyPair();
  const pair = keyOf ?? { publicKey, key };
  const certificate = await buildCertificate({
    profile: profile ?? { ...authorityProfile, pathLength },
    realm: 'devco.net',
    name: 'dev1.devco.net',
    commonName: name ?? `CA ${Math.random()}`,
    publicKey: pair.publicKey,
    signingKey: by?.key ?? pair.key,
    notBefore: now - hour,
    notAfter: now + hour,
    ...(by === undefined ? {} : { issuer: by.certificate }),
  });
  return { certificate, publicKey: pair.publicKey, key: pair.key };
}

/** A chain of CAs, each signed by the one before, the first by the root. */
async function makeChain(root: Holder, length: number): Promise<Holder[]> {
  const chain: Holder[] = [];
  for (let count = 0; count < length; count++) chain.push(await make(chain.at(-1) ?? root));
  return chain;
}

const certificatesOf = (...holders: readonly Holder[]) => holders.map(({ certificate }) => certificate);
const trusting = (...roots: readonly Holder[]) => ({ authorities: certificatesOf(...roots) });
/** Whether a certificate that these sign leads to the root. */
const lead = (...holders: readonly Holder[]) =>
  Promise.all(holders.map(async (one) => pathTo(await make(one), root).length > 0));
const pathTo = ({ certificate }: Holder, ...roots: readonly Holder[]) => pathsOf(certificate, trusting(...roots));

/** Another certificate object each time: as it was signed, but for one bit of the signature. */
function forge({ certificate }: Holder): X509Certificate {
  const bytes = Buffer.from(certificate.raw);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return new X509Certificate(bytes);
}

let root: Holder;
before(async () => {
  root = await make();
});

describe('the issuer of a certificate', () => {
  test('is the CA with the name and the key that signed it, and no other', async () => {
    const name = root.certificate.subject.slice('CN='.length);
    const one = await make(root);
    const isBy = (by: Holder) => [1, 2].map(() => isIssuedBy(one.certificate, by.certificate));
    assert.deepEqual(isBy(root), [true, true]);
    assert.deepEqual(isBy(await make(undefined, { name, keyOf: root })), [true, true], 'the same CA, renewed');
    assert.deepEqual(isBy(await make(undefined, { name })), [false, false], 'another key');
    assert.deepEqual(isBy(await make(undefined, { keyOf: root })), [false, false], 'another name');
    assert.deepEqual(isBy(one), [false, false]);
    const keyUsage = [...profiles.node.keyUsage, 'keyCertSign'];
    const node = await make(undefined, { name, keyOf: root, profile: { ...profiles.node, keyUsage } });
    assert.deepEqual(isBy(node), [false, false], 'not a CA');
  });

  test('is not a CA of that name and key identifier whose key did not sign', async () => {
    const forged = forge(await make(root));
    assert.ok(forged.checkIssued(root.certificate), 'by name and key identifier');
    assert.equal(isIssuedBy(forged, root.certificate), false);
  });

  test('is a root if it signed itself', async () => {
    assert.deepEqual(
      [root, await make(root)].map(({ certificate }) => isRoot(certificate)),
      [true, false],
    );
  });
});

describe('the issuers that an earlier command has checked', () => {
  const isBy = (certificate: X509Certificate, ...holders: readonly Holder[]) =>
    certificatesOf(...holders).map((one) => isIssuedBy(certificate, one));
  const recall = (certificate: X509Certificate, checked: readonly Holder[], trusted: readonly Holder[]) =>
    recallIssuers(
      certificate,
      certificatesOf(...checked).map(({ fingerprint256 }) => fingerprint256),
      trusting(...trusted),
    );

  test('are not checked again, and no others are believed', async () => {
    const name = root.certificate.subject.slice('CN='.length);
    const [one, renewed, again] = [
      await make(root),
      await make(undefined, { name, keyOf: root }),
      await make(undefined, { name, keyOf: root }),
    ];
    const forged = forge(one);
    recall(forged, [root], [root, renewed, again]);
    assert.deepEqual(isBy(forged, root, renewed), [true, false]);
    recall(forged, [again], [root, renewed, again]);
    assert.deepEqual(isBy(forged, root, renewed, again), [true, false, true], 'those before stay');
    const other = forge(one);
    recall(other, [root], []);
    assert.deepEqual(isBy(other, root), [false], 'a CA that is not trusted');
  });

  test('still have the name and the key identifier, and are CAs', async () => {
    const name = root.certificate.subject.slice('CN='.length);
    const keyUsage = [...profiles.node.keyUsage, 'keyCertSign'];
    const node = await make(undefined, { name, keyOf: root, profile: { ...profiles.node, keyUsage } });
    const [otherName, otherKey] = [await make(undefined, { keyOf: root }), await make(undefined, { name })];
    const forged = forge(await make(root));
    const all = [node, otherName, otherKey];
    recall(forged, all, all);
    assert.deepEqual(isBy(forged, ...all), [false, false, false]);
  });

  test('are remembered CAs, too', async () => {
    const upper = await make(root);
    rememberIssuers(certificatesOf(upper), trusting(root));
    const forged = forge(await make(upper));
    recall(forged, [upper], [root]);
    assert.deepEqual(isBy(forged, upper), [true]);
  });

  test('are recorded as those that lead to a trusted root, each once', async () => {
    const [next, stranger] = [await make(), await make()];
    const below = await make(root);
    const name = below.certificate.subject.slice('CN='.length);
    const again = await make(next, { name, keyOf: below });
    const { certificate } = await make(below);
    const issuers = (...trusted: readonly Holder[]) => issuersOf(certificate, trusting(...trusted));
    assert.deepEqual(issuers(root, next, below, again), certificatesOf(below, again));
    assert.deepEqual(issuers(next, below, again), certificatesOf(again));
    assert.deepEqual(issuers(stranger), []);
    const twice = await make(root, { name: next.certificate.subject.slice('CN='.length), keyOf: next });
    assert.deepEqual(issuers(root, next, again, twice), certificatesOf(again), 'over two paths');
  });
});

describe('the paths of a certificate that was proven before', () => {
  test('are looked for again when another CA is known, or when other CAs are trusted', async () => {
    const [upper] = await makeChain(root, 1);
    assert.ok(upper);
    const { certificate } = await make(upper, { profile: profiles.node });
    const trust = trusting(root);
    const paths = () => pathsOf(certificate, trust);
    assert.deepEqual(paths(), []);
    rememberIssuers(certificatesOf(upper), trust);
    assert.deepEqual(paths(), [certificatesOf(upper, root)]);
    assert.equal(paths(), paths(), 'the same ones, as long as nothing changes');
    assert.deepEqual(pathsOf(certificate, trusting(await make())), []);
    assert.deepEqual(paths(), [certificatesOf(upper, root)]);
  });

  test('are looked for again when an issuer is recalled', async () => {
    const forged = forge(await make(root));
    const trust = trusting(root);
    assert.deepEqual(pathsOf(forged, trust), []);
    recallIssuers(forged, [root.certificate.fingerprint256], trust);
    assert.deepEqual(pathsOf(forged, trust), [certificatesOf(root)]);
  });
});

describe('a certificate that was proven', () => {
  test('stays proven when other CAs have displaced those that came with it, as long as its root is trusted', async () => {
    const [upper, lower] = await makeChain(root, 2);
    assert.ok(upper && lower);
    const { certificate } = await make(lower, { profile: profiles.node });
    const trust = trusting(root);
    rememberIssuers(certificatesOf(lower, upper), trust);
    const path = [certificatesOf(lower, upper, root)];
    assert.deepEqual(pathsOf(certificate, trust), path);
    for (let count = 0; count < 64; count++) rememberIssuers(certificatesOf(await make(root)), trust);
    assert.deepEqual(await lead(lower, upper), [false, false], 'they are displaced');
    assert.deepEqual(pathsOf(certificate, trust), path);
    assert.deepEqual(pathsOf(certificate, trusting(await make())), [], 'without its root');
    assert.deepEqual(pathsOf(certificate, trust), path);
    assert.equal(describePathFault(certificate, trust), undefined);
  });
});

describe('the CAs that came with a certificate', () => {
  test('are remembered if they lead to a trusted root, whichever is first', async () => {
    const [upper, lower] = await makeChain(root, 2);
    assert.ok(upper && lower);
    const node = await make(lower, { profile: profiles.node });
    assert.deepEqual(pathTo(node, root), []);
    rememberIssuers(certificatesOf(node, lower, upper, root), trusting(root));
    assert.deepEqual(await lead(lower, upper), [true, true]);
    assert.deepEqual(pathTo(node, root), [certificatesOf(lower, upper, root)]);
    assert.deepEqual(pathTo(node, await make()), [], 'memory alone proves nothing');
    assert.deepEqual(pathTo(node), []);
  });

  test('are not remembered if another root signed them, or they say so of themselves', async () => {
    const stranger = await make();
    const below = await make(stranger);
    rememberIssuers(certificatesOf(below, stranger), trusting(root));
    const node = await make(below, { profile: profiles.node });
    for (const roots of [[root], [stranger], [root, stranger]]) assert.deepEqual(pathTo(node, ...roots), []);
    rememberIssuers(certificatesOf(below), trusting(stranger));
    assert.deepEqual(pathTo(node, root), []);
    assert.deepEqual(pathTo(node, root, stranger), [certificatesOf(below, stranger)]);
  });

  test('are remembered up to the fifth, the nearest to the certificate first', async () => {
    const [fifth, sixth] = [await make(root), await make(root)];
    const other = await make(root, { profile: profiles.node });
    rememberIssuers(certificatesOf(other, other, other, other, fifth, sixth), trusting(root));
    assert.deepEqual(await lead(fifth, sixth), [true, false]);
  });

  test('are 64 at most: the oldest makes room', async () => {
    const remember = async () => {
      const one = await make(root);
      rememberIssuers(certificatesOf(one), trusting(root));
      return one;
    };
    const first = await remember();
    const others: Holder[] = [];
    while (others.length < 63) others.push(await remember());
    rememberIssuers(certificatesOf(first), trusting(root));
    assert.deepEqual(await lead(first, ...others.slice(0, 1), ...others.slice(-1)), [true, true, true]);
    others.push(await remember());
    assert.deepEqual(await lead(first), [false], 'what comes again is not newer');
    assert.deepEqual(await lead(...others.slice(0, 2), ...others.slice(-2)), [true, true, true, true]);
    const [node, stranger] = [await make(root, { profile: profiles.node }), await make()];
    rememberIssuers(certificatesOf(node, stranger), trusting(root, stranger));
    assert.deepEqual(await lead(...others.slice(0, 1)), [true], 'neither a root nor what is not a CA takes a place');
  });
});

describe('the paths from a certificate to a root', () => {
  test('have four CAs between the two at most', async () => {
    const chain = await makeChain(root, 5);
    const [fourth, fifth] = chain.slice(-2);
    assert.ok(fourth && fifth);
    const above = trusting(root, ...chain);
    const [node, tooFar] = [
      await make(fourth, { profile: profiles.node }),
      await make(fifth, { profile: profiles.node }),
    ];
    assert.deepEqual(pathsOf(node.certificate, above), [certificatesOf(...chain.slice(0, 4).toReversed(), root)]);
    assert.deepEqual(pathsOf(tooFar.certificate, above), []);
  });

  test('are all that there are while one root replaces another, eight at most, each CA once', async () => {
    const next = await make();
    const below = await make(root);
    const name = below.certificate.subject.slice('CN='.length);
    const again = await make(next, { name, keyOf: below });
    const node = await make(below, { profile: profiles.node });
    const trust = trusting(root, next, below, again, below);
    const both = [certificatesOf(below, root), certificatesOf(again, next)];
    assert.deepEqual(pathsOf(node.certificate, trust), both);
    assert.deepEqual(pathsOf(node.certificate, trusting(next, below, again)), both.slice(1));
    const more: Holder[] = [];
    for (let count = 0; count < 9; count++) more.push(await make(root, { name, keyOf: below }));
    const paths = pathsOf(node.certificate, trusting(root, ...more));
    assert.deepEqual(
      paths,
      more.slice(0, 8).map((one) => certificatesOf(one, root)),
    );
  });

  test('leave out those with a CA that is too far below, which is named if no other path is left', async () => {
    const [strict, free] = [await make(undefined, { pathLength: 0 }), await make()];
    const below = await make(strict);
    const name = below.certificate.subject.slice('CN='.length);
    const again = await make(free, { name, keyOf: below });
    const { certificate } = await make(below, { profile: profiles.node });
    const fault = (...holders: readonly Holder[]) => describePathFault(certificate, trusting(...holders));
    const words = `the CA “${strict.certificate.subject}” may have no more than 0 CAs below it, and more stand between it and this certificate`;
    assert.deepEqual(pathsOf(certificate, trusting(strict, below)), []);
    assert.equal(fault(strict, below), words);
    assert.deepEqual(pathsOf(certificate, trusting(strict, below, free, again)), [certificatesOf(again, free)]);
    assert.equal(fault(strict, below, free, again), undefined);
    assert.equal(fault(free, again), undefined);
    assert.equal(fault(), undefined, 'there is no path');
  });
});

describe('what is missing between a certificate and a root', () => {
  const files = { certificate: 'OWN', ca: 'CA' };
  const missing = (of: Holder, chain: readonly Holder[], trusted: readonly Holder[]) =>
    missingLink(of.certificate, certificatesOf(...chain), certificatesOf(...trusted), files);

  test('is nothing up to four CAs, and the next one is named', async () => {
    const chain = await makeChain(root, 5);
    const [fourth, fifth] = chain.slice(-2);
    assert.ok(fourth && fifth);
    assert.equal(missing(await make(root), [], [root]), undefined);
    assert.equal(missing(await make(fourth), chain, [root]), undefined);
    const [first] = certificatesOf(...chain);
    assert.equal(
      missing(await make(fifth), chain, [root]),
      `the CA “${root.certificate.subject}” that issued the intermediate “${first?.subject}” is in neither file: is it a CA of this fleet? If so, add it to CA`,
    );
  });

  test('is a root that is beside the certificate alone', async () => {
    const below = await make(root);
    const words = `CA does not contain the root “${root.certificate.subject}”: add it there`;
    assert.equal(missing(await make(below), [below, root], [await make()]), words);
  });

  test('is a CA that may have it below, if one on the way may not', async () => {
    const strict = await make(undefined, { pathLength: 0 });
    const below = await make(strict);
    const words = `the CA “${strict.certificate.subject}” may have no more than 0 CAs below it, and more stand between it and this certificate`;
    assert.equal(missing(await make(below), [below], [strict]), words);
  });

  test('is the issuer itself, or the one above an intermediate, by the file that should have it', async () => {
    const [upper, lower] = await makeChain(root, 2);
    assert.ok(upper && lower);
    const [of, above, own] = [await make(lower), root.certificate.subject, upper.certificate.subject];
    assert.equal(
      missing(of, [], [root]),
      `the CA “${lower.certificate.subject}” that issued it is in neither file: is it a certificate of this fleet? If so, add the root to CA, and an intermediate CA to OWN after the certificate`,
    );
    assert.equal(
      missing(of, [lower, upper], [await make()]),
      `the CA “${above}” that issued the intermediate “${own}” is in neither file: is it a CA of this fleet? If so, add it to CA`,
    );
    assert.equal(
      missing(of, [lower], [upper]),
      `CA trusts an intermediate alone, “${own}”: add the root “${above}” that issued it`,
    );
  });
});

import { type KeyObject, X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../core/credentials/credentials.ts';
import { isRoot } from '../../core/credentials/issuers.ts';
import { pathLengthOf } from '../../core/credentials/path-length.ts';
import { Problem } from '../../core/errors.ts';
import { defineIdentity } from '../../core/identity.ts';
import { buildCertificate, validityOf } from './certificate.ts';
import { keyIdOf, makeKeyPair } from './keys.ts';
import { authorityProfile, type Profile, rootProfile } from './profiles.ts';

/** A CA that can sign: its certificate, its key and its realm. */
export interface Authority {
  readonly realm: string;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/**
 * Makes a self-signed CA of a realm.
 * @param now milliseconds since the epoch
 * @throws Problem `bad-name` when the realm cannot be part of a certificate
 */
export function makeAuthority(realm: string, now: number, days = authorityProfile.days): Promise<Authority> {
  return make(authorityProfile, realm, now, days);
}

/** Makes a self-signed root that may sign CAs of a realm. @throws Problem as {@link makeAuthority} */
export function makeRoot(realm: string, now: number, days = rootProfile.days): Promise<Authority> {
  return make(rootProfile, realm, now, days);
}

/**
 * Certifies a key as a CA of the root's realm. The certificate never outlives the root.
 * @param now milliseconds since the epoch
 * @throws Problem `expired-authority`
 */
export function certifyIntermediate(
  root: Authority,
  publicKey: KeyObject,
  now: number,
  days = authorityProfile.days,
): Promise<X509Certificate> {
  const last = Date.parse(root.certificate.validTo);
  if (now >= last) {
    const message = `the root expired on ${new Date(last).toISOString()}`;
    throw new Problem('expired-authority', message, 'create a new one with “mco-deploy ca rollover”');
  }
  const { notBefore, notAfter } = validityOf(authorityProfile, now, days);
  return buildCertificate({
    profile: authorityProfile,
    realm: root.realm,
    name: '',
    commonName: `mco-deploy CA ${markOf(publicKey)}`,
    publicKey,
    signingKey: root.key,
    notBefore,
    notAfter: Math.min(notAfter, last),
    issuer: root.certificate,
  });
}

/** Distinguishes two CAs of one realm while one replaces the other: eight hex digits of its key's identifier. */
export function markOf(publicKey: KeyObject): string {
  return keyIdOf(publicKey).slice(0, 8);
}

async function make(profile: Profile, realm: string, now: number, days: number): Promise<Authority> {
  defineIdentity('node', realm, realm);
  const { publicKey, privateKey } = makeKeyPair();
  const certificate = await buildCertificate({
    profile,
    realm,
    name: '',
    commonName: `mco-deploy ${profile === rootProfile ? 'root' : 'CA'} ${markOf(publicKey)}`,
    publicKey,
    signingKey: privateKey,
    ...validityOf(profile, now, days),
  });
  return { realm, certificate, key: privateKey };
}

/** `single` signs nodes and operators and has no CA above it; `root` signs CAs; `intermediate` has a CA above it. */
export type AuthorityRole = 'single' | 'root' | 'intermediate';

export function roleOf(certificate: X509Certificate): AuthorityRole {
  if (!isRoot(certificate)) return 'intermediate';
  return pathLengthOf(certificate) === 0 ? 'single' : 'root';
}

/** @throws Problem `wrong-ca` when the CA is for another purpose */
export function requireRole(certificate: X509Certificate, role: 'root' | 'issuer'): void {
  const isOfRoot = roleOf(certificate) === 'root';
  if (isOfRoot === (role === 'root')) return;
  if (isOfRoot) {
    const hint = 'run the command with the intermediate CA that this root has signed';
    throw new Problem('wrong-ca', 'this CA is a root: it signs CAs, not nodes and operators', hint);
  }
  const hint = 'make a root with “mco-deploy ca init --root --realm REALM”';
  throw new Problem('wrong-ca', 'this CA is not a root: it signs nodes and operators, not CAs', hint);
}

/**
 * @param file its name in a message
 * @throws Problem `bad-ca`
 */
export function parseAuthority(pem: string, file: string): X509Certificate {
  try {
    const certificate = new X509Certificate(pem);
    if (certificate.ca) return certificate;
  } catch {}
  throw new Problem('bad-ca', `${file} is not a CA certificate`);
}

/**
 * The certificate of a CA and those of the CAs above it, the root last: none if it is a root itself.
 * @param file its name in a message
 * @throws Problem `bad-ca`
 */
export function parseChain(pem: string, file: string): [X509Certificate, ...X509Certificate[]] {
  const [own = '', ...above] = pemBlocks(pem);
  return [parseAuthority(own, file), ...above.map((one) => parseAuthority(one, file))];
}

/**
 * The realm is in the CA's own certificate, as `mco://REALM/ca`.
 * @throws Problem `bad-ca`
 */
export function realmOf(certificate: X509Certificate, file: string): string {
  const [, realm] = /(?:^|, )URI:mco:\/\/([^/,]+)\/ca(?:,|$)/.exec(certificate.subjectAltName ?? '') ?? [];
  if (realm !== undefined) return realm;
  throw new Problem('bad-ca', `${file} names no realm`, 'it was not created by “mco-deploy ca init”');
}

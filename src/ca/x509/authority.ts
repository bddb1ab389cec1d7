import { type KeyObject, X509Certificate } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { defineIdentity } from '../../core/identity.ts';
import { buildCertificate, validityOf } from './certificate.ts';
import { keyIdOf, makeKeyPair } from './keys.ts';
import { authorityProfile, type Profile, rootProfile } from './profiles.ts';

/** A CA that can sign: its certificate, its key and the realm it stands for. */
export interface Authority {
  readonly realm: string;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/**
 * Makes a self-signed CA of a realm.
 * @param now milliseconds since the epoch
 * @throws Problem `bad-name` when the realm can't stand in a certificate
 */
export function makeAuthority(realm: string, now: number, days = authorityProfile.days): Promise<Authority> {
  return make(authorityProfile, realm, now, days);
}

/** Makes a self-signed root that may sign CAs of a realm. @throws Problem as {@link makeAuthority} */
export function makeRoot(realm: string, now: number, days = rootProfile.days): Promise<Authority> {
  return make(rootProfile, realm, now, days);
}

/** Makes a CA of the root's realm, signed by the root. It never outlives the root. @throws Problem `expired-authority` */
export function makeIntermediate(root: Authority, now: number, days = authorityProfile.days): Promise<Authority> {
  const last = Date.parse(root.certificate.validTo);
  if (now >= last) {
    const message = `the root expired on ${new Date(last).toISOString()}`;
    throw new Problem('expired-authority', message, 'create a new one with “mco-deploy ca init --root”');
  }
  return make(authorityProfile, root.realm, now, days, root);
}

async function make(profile: Profile, realm: string, now: number, days: number, root?: Authority): Promise<Authority> {
  defineIdentity('node', realm, realm);
  const { publicKey, privateKey } = makeKeyPair();
  const { notBefore, notAfter } = validityOf(profile, now, days);
  const last = root === undefined ? notAfter : Math.min(notAfter, Date.parse(root.certificate.validTo));
  const certificate = await buildCertificate({
    profile,
    realm,
    name: '',
    // A mark of its key keeps two CAs of one realm apart while one takes over from the other.
    commonName: `mco-deploy ${profile === rootProfile ? 'root' : 'CA'} ${keyIdOf(publicKey).slice(0, 8)}`,
    publicKey,
    signingKey: root?.key ?? privateKey,
    notBefore,
    notAfter: last,
    ...(root === undefined ? {} : { issuer: root.certificate }),
  });
  return { realm, certificate, key: privateKey };
}

/**
 * @param file how to call it in a message
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
 * The realm stands in the CA's own certificate, as `mco://REALM/ca`.
 * @throws Problem `bad-ca`
 */
export function realmOf(certificate: X509Certificate, file: string): string {
  const [, realm] = /(?:^|, )URI:mco:\/\/([^/,]+)\/ca(?:,|$)/.exec(certificate.subjectAltName ?? '') ?? [];
  if (realm !== undefined) return realm;
  throw new Problem('bad-ca', `${file} names no realm`, 'it was not created by “mco-deploy ca init”');
}

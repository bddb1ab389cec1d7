import type { KeyObject, X509Certificate } from 'node:crypto';
import { Problem } from '../core/errors.ts';
import { defineIdentity, type Identity } from '../core/identity.ts';
import { type Authority, requireRole } from './x509/authority.ts';
import { buildCertificate, type Validity, validityOf } from './x509/certificate.ts';
import { requireP256 } from './x509/keys.ts';
import { profiles } from './x509/profiles.ts';

export interface IssueOptions {
  readonly kind: Identity['kind'];
  readonly name: string;
  readonly publicKey: KeyObject;
  /** Whether a node may relay for others. */
  readonly relay?: boolean;
  /** The applications that an operator is limited to; no limit if omitted. */
  readonly applications?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Days until it expires; by default the profile's. */
  readonly days?: number;
}

/**
 * Issues a certificate by the profile of its kind. It never outlives the CA.
 * @throws Problem `bad-name`, `bad-key`, `bad-days`, `expired-authority`, `wrong-ca`
 */
export async function issueCertificate(options: IssueOptions, authority: Authority): Promise<X509Certificate> {
  requireRole(authority.certificate, 'issuer');
  const profile = profiles[options.kind];
  const days = options.days ?? profile.days;
  if (!Number.isFinite(days) || days <= 0)
    throw new Problem('bad-days', `a certificate can't be valid for ${days} days`);
  const last = Date.parse(authority.certificate.validTo);
  if (options.now >= last) {
    const expired = new Date(last).toISOString();
    throw new Problem(
      'expired-authority',
      `the CA expired on ${expired}`,
      'create a new one with “mco-deploy ca init”',
    );
  }
  const { notBefore, notAfter } = validityOf(profile, options.now, days);
  return signCertificate(options, { notBefore, notAfter: Math.min(notAfter, last) }, authority);
}

/** As {@link issueCertificate}, with any dates: an expired certificate too, for tests. */
export function signCertificate(
  {
    kind,
    name,
    publicKey,
    relay = false,
    applications = [],
  }: Pick<IssueOptions, 'kind' | 'name' | 'publicKey' | 'relay' | 'applications'>,
  validity: Validity,
  { realm, certificate, key }: Authority,
): Promise<X509Certificate> {
  defineIdentity(kind, realm, name);
  requireP256(publicKey, `${kind} ${name}`);
  return buildCertificate({
    profile: profiles[kind],
    realm,
    name,
    commonName: name,
    relay,
    applications,
    publicKey,
    signingKey: key,
    issuer: certificate,
    notBefore: validity.notBefore,
    notAfter: validity.notAfter,
  });
}

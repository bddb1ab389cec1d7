import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { applicationUri } from '../../core/credentials/certificate.ts';
import { Problem } from '../../core/errors.ts';
import { keyIdOf, keyPairOf, signingAlgorithm, toCryptoKeys, toPublicCryptoKey } from './keys.ts';
import type { Profile } from './profiles.ts';
import * as x509 from './x509.ts';

/** The validity of a certificate, in milliseconds since the epoch; certificates store whole seconds. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CertificateOptions extends Validity {
  readonly profile: Profile;
  /** The values of {realm} and {name} in the profile's names. */
  readonly realm: string;
  readonly name: string;
  readonly commonName: string;
  /** Whether the node may relay. */
  readonly relay?: boolean;
  /** The limits of an operator. */
  readonly applications?: readonly string[];
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  /** The CA that signs; omitted when the certificate signs itself. */
  readonly issuer?: X509Certificate;
}

const day = 24 * 60 * 60 * 1000;
/** ub-common-name of RFC 5280, appendix A. */
const longestCommonName = 64;

/** From a little before `now`, as the profile says, for that many days. */
export function validityOf(profile: Profile, now: number, days: number): Validity {
  return { notBefore: now - profile.backdateMinutes * 60 * 1000, notAfter: now + days * day };
}

/** 128 random bits after a byte that keeps the number positive and its length the same (RFC 5280, 4.1.2.2). */
function makeSerial(): string {
  return `4d${randomBytes(16).toString('hex')}`;
}

/** Makes and signs a certificate of exactly what its profile says (RFC 5280, 4). */
export async function buildCertificate(options: CertificateOptions): Promise<X509Certificate> {
  const subject = subjectOf(options.commonName);
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject,
    issuer: options.issuer === undefined ? subject : issuerName(options.issuer),
    notBefore: new Date(options.notBefore),
    notAfter: new Date(options.notAfter),
    publicKey: toPublicCryptoKey(options.publicKey),
    signingKey: toCryptoKeys(keyPairOf(options.signingKey)).privateKey,
    signingAlgorithm,
    extensions: extensionsOf(options),
  });
  return new X509Certificate(Buffer.from(made.rawData));
}

/** A name that is too long for a common name is only in the alternative name. */
function subjectOf(commonName: string): x509.Name {
  return new x509.Name(commonName.length > longestCommonName ? [] : [{ CN: [{ utf8String: commonName }] }]);
}

/** The issuer's name byte for byte, as path validation compares it. */
function issuerName(issuer: X509Certificate): x509.Name {
  return new x509.X509Certificate(issuer.raw).subjectName;
}

function extensionsOf(options: CertificateOptions): x509.Extension[] {
  const { profile } = options;
  const signer = keyIdOf(keyPairOf(options.signingKey).publicKey);
  const isAuthority = profile.pathLength !== undefined;
  const usages = profile.extendedKeyUsage.map((name) => known(x509.ExtendedKeyUsage, name));
  return [
    new x509.BasicConstraintsExtension(isAuthority, profile.pathLength, true),
    new x509.KeyUsagesExtension(keyUsageBits(profile), true),
    ...(usages.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages)] : []),
    new x509.SubjectKeyIdentifierExtension(keyIdOf(options.publicKey)),
    new x509.AuthorityKeyIdentifierExtension(signer),
    // RFC 5280, 4.2.1.6: critical where the subject is empty.
    new x509.SubjectAlternativeNameExtension(namesOf(options), options.commonName.length > longestCommonName),
  ];
}

/** The parts of a CA's certificate that do not depend on its signer. */
export function authorityExtensions(profile: Profile, realm: string): x509.Extension[] {
  const names = profile.names.map((name) => name.replace('{realm}', () => realm).slice('URI:'.length));
  return [
    new x509.BasicConstraintsExtension(true, profile.pathLength, true),
    new x509.KeyUsagesExtension(keyUsageBits(profile), true),
    new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'url', value }))),
  ];
}

function keyUsageBits(profile: Profile): number {
  const flags: Readonly<Record<string, string | number>> = { ...x509.KeyUsageFlags };
  return profile.keyUsage.reduce((bits, name) => bits | Number(known(flags, name)), 0);
}

function known<T>(table: Readonly<Record<string, T>>, name: string): T {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw new Problem('bad-profile', `a certificate profile names an unknown usage “${name}”`);
  return value;
}

function namesOf({
  profile,
  realm,
  name,
  relay = false,
  applications = [],
}: CertificateOptions): { type: 'url' | 'dns'; value: string }[] {
  const forms = [...profile.names, ...(relay ? (profile.relayNames ?? []) : [])];
  const filled = forms.map((form) => form.replace('{realm}', () => realm).replace('{name}', () => name));
  return [...filled, ...applications.map((one) => `URI:${applicationUri(realm, one)}`)].map((value) => {
    return value.startsWith('DNS:')
      ? { type: 'dns' as const, value: value.slice('DNS:'.length) }
      : { type: 'url' as const, value: value.slice('URI:'.length) };
  });
}

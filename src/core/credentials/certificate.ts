import { X509Certificate } from 'node:crypto';
import { Problem } from '../errors.ts';
import { type Identity, parseIdentity } from '../identity.ts';
import { pathsOf, describePathLengthFault } from './issuers.ts';

/** The trust of this side: the fleet's CA certificates (two while one replaces the other) and the revocations. */
export interface Trust {
  readonly realm: string;
  readonly authorities: readonly X509Certificate[];
  /** True for the serial (upper-case hex, as X509Certificate.serialNumber) of a revoked certificate of that issuer. */
  readonly isRevoked: (serial: string, issuer: string) => boolean;
}

/** A certificate whose issuer, dates, kind and realm were checked. */
export interface ProvenCertificate {
  readonly identity: Identity;
  readonly certificate: X509Certificate;
}

/**
 * The identity in a certificate's subject alternative name (RFC 5280, 4.2.1.6), unchecked.
 * Undefined unless exactly one URI is an identity of ours.
 */
export function identityOf(certificate: X509Certificate): Identity | undefined {
  return contentOf(certificate).identity;
}

/** What every proof needs from a certificate, read once. */
interface CertificateContent {
  readonly identity: Identity | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const contents = new WeakMap<X509Certificate, CertificateContent>();

function contentOf(certificate: X509Certificate): CertificateContent {
  const known = contents.get(certificate);
  if (known !== undefined) return known;
  const content = {
    identity: identityIn(certificate),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
  contents.set(certificate, content);
  return content;
}

function identityIn(certificate: X509Certificate): Identity | undefined {
  const uris = (certificate.subjectAltName ?? '')
    .split(/,\s*/)
    .filter((entry) => entry.startsWith('URI:'))
    .map((entry) => entry.slice('URI:'.length))
    .filter((uri) => uri.startsWith('mco://'));
  const identity = uris.length === 1 && uris[0] !== undefined ? parseIdentity(uris[0]) : undefined;
  return identity === undefined ? undefined : limited(identity, certificate);
}

/** The limits of an operator's certificate belong to its identity: they are always known together. */
function limited(identity: Identity, certificate: X509Certificate): Identity {
  const prefix = `URI:${applicationUri(identity.realm, '')}`;
  const names = (certificate.subjectAltName ?? '').split(/,\s*/).filter((entry) => entry.startsWith(prefix));
  if (names.length === 0) return identity;
  return Object.freeze({ ...identity, applications: names.map((entry) => entry.slice(prefix.length)) });
}

/** The URI by which a certificate limits its operator to an application. */
export function applicationUri(realm: string, application: string): string {
  return `mco-for://${realm}/${application}`;
}

/** The certificates that were read last: the same one comes with a handshake, with every call over it and with every reply. */
const lastRead = new Map<string, X509Certificate>();
let mostKept = 128;
const longestKept = 4096;

/**
 * For a program that talks to many nodes at once: a certificate that comes twice is read and proven once, if no more than this
 * came in between. Each takes about 9 KiB.
 */
export function keepCertificates(count: number): void {
  mostKept = Math.max(mostKept, count);
}

/** @throws Problem `bad-certificate` when the bytes are not a certificate. */
export function parseCertificate(bytes: Uint8Array | string): X509Certificate {
  const key = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  const known = lastRead.get(key);
  if (known !== undefined) return known;
  const certificate = readCertificate(bytes);
  if (key.length > longestKept) return certificate;
  lastRead.set(key, certificate);
  for (const oldest of lastRead.keys()) {
    if (lastRead.size <= mostKept) break;
    lastRead.delete(oldest);
  }
  return certificate;
}

/** CAs that accompany a certificate. */
const mostIssuers = 5;

/** The certificates after the first in a chain. @throws Problem `bad-certificate` */
export function issuersIn(chain: readonly Uint8Array[]): X509Certificate[] {
  return chain.slice(1, 1 + mostIssuers).map(parseCertificate);
}

function readCertificate(bytes: Uint8Array | string): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new Problem('bad-certificate', 'the certificate cannot be read', '', { cause });
  }
}

/**
 * Checks a certificate as it was presented: its whole chain to a trusted root with the dates and revocations of every
 * certificate in it, its realm and its kind.
 * @param kind the kind that the holder needs
 * @param now milliseconds since the epoch
 * @throws Problem `foreign-certificate`, `expired-certificate`, `early-certificate`, `revoked-certificate`,
 * `wrong-kind`
 */
export function proveCertificate(
  certificate: X509Certificate,
  kind: Identity['kind'],
  trust: Trust,
  now: number,
): ProvenCertificate {
  const paths = pathsOf(certificate, trust);
  const { identity, notBefore, notAfter } = contentOf(certificate);
  if (paths.length === 0 || identity === undefined || certificate.ca) {
    const limit = describePathLengthFault(certificate, trust);
    if (limit !== undefined)
      throw new Problem('foreign-certificate', limit, 'issue it with a CA whose pathLength allows it');
    const from = certificate.issuer.replaceAll('\n', ', ');
    throw new Problem('foreign-certificate', `the certificate was not issued by this fleet's CA (its issuer: ${from})`);
  }
  if (identity.realm !== trust.realm) {
    throw new Problem('foreign-certificate', `the certificate is of realm ${identity.realm}, not of ${trust.realm}`);
  }
  const who = `the certificate of ${identity.kind} ${identity.name}`;
  if (now > notAfter) {
    throw new Problem('expired-certificate', `${who} expired on ${isoDate(certificate.validTo)}`, 'issue a new one');
  }
  if (now < notBefore) {
    const from = isoDate(certificate.validFrom);
    throw new Problem('early-certificate', `${who} is not valid before ${from}`, 'check the clocks');
  }
  const faults = paths.map((path) => faultOf(certificate, path, who, trust, now));
  if (!faults.includes(undefined)) throw faults[0];
  if (identity.kind !== kind) {
    const [is, needed] = [identity.kind, kind].map((one) => (one === 'node' ? 'a node' : 'an operator'));
    throw new Problem('wrong-kind', `${identity.name} is ${is}, and only ${needed} may do this`);
  }
  return { identity, certificate };
}

/** Why one path to a root is invalid: a certificate in it was revoked by its issuer, or a CA is not valid now. */
function faultOf(
  certificate: X509Certificate,
  path: readonly X509Certificate[],
  who: string,
  trust: Trust,
  now: number,
): Problem | undefined {
  for (const [index, issuer] of path.entries()) {
    const below = index === 0 ? certificate : path[index - 1];
    if (below !== undefined && trust.isRevoked(below.serialNumber, issuer.fingerprint256)) {
      const what = index === 0 ? who : `the CA “${below.subject.replaceAll('\n', ', ')}” that issued ${who}`;
      return new Problem('revoked-certificate', `${what} was revoked`);
    }
    if (now > Date.parse(issuer.validTo) || now < Date.parse(issuer.validFrom)) {
      const dates = `${isoDate(issuer.validFrom)} to ${isoDate(issuer.validTo)}`;
      const message = `the CA “${issuer.subject.replaceAll('\n', ', ')}” that issued ${who} is valid from ${dates} only`;
      return new Problem('expired-certificate', message, 'renew the CA, or check the clocks');
    }
  }
  return undefined;
}

function isoDate(date: string): string {
  return new Date(date).toISOString();
}

/** The URI by which a certificate gives its node another role. */
export function roleUri(realm: string, role: 'relay'): string {
  return `mco-role://${realm}/${role}`;
}

/** Whether the CA allows this node to relay: only its certificate can say so. */
export function hasRelayRole(certificate: X509Certificate): boolean {
  const { identity } = contentOf(certificate);
  if (identity === undefined) return false;
  const names = (certificate.subjectAltName ?? '').split(/,\s*/);
  return names.includes(`URI:${roleUri(identity.realm, 'relay')}`);
}

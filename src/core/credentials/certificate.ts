import { X509Certificate } from 'node:crypto';
import { Problem } from '../errors.ts';
import { type Identity, parseIdentity } from '../identity.ts';

/**
 * The identity in a certificate's subject alternative name (RFC 5280, 4.2.1.6), unchecked.
 * Undefined unless exactly one URI is an identity of ours.
 */
export function identityOf(certificate: X509Certificate): Identity | undefined {
  return contentOf(certificate).identity;
}

/** The parts of a certificate that every proof needs. */
interface CertificateContent {
  readonly identity: Identity | undefined;
  /** As X509Certificate.serialNumber. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const contents = new WeakMap<X509Certificate, CertificateContent>();

/** Reads it once. */
export function contentOf(certificate: X509Certificate): CertificateContent {
  const known = contents.get(certificate);
  if (known !== undefined) return known;
  const content = {
    identity: identityIn(certificate),
    serial: certificate.serialNumber,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
  contents.set(certificate, content);
  return content;
}

const fingerprints = new WeakMap<X509Certificate, string>();

/** SHA-256, as X509Certificate.fingerprint256, computed once: that of a CA is needed for each certificate that it issued. */
export function fingerprintOf(certificate: X509Certificate): string {
  const known = fingerprints.get(certificate) ?? certificate.fingerprint256;
  fingerprints.set(certificate, known);
  return known;
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

/**
 * The limits of an operator's certificate belong to its identity: they are always known together. Without an identity if
 * a limit is not one of its realm: a certificate that is to be limited never counts as unlimited.
 */
function limited(identity: Identity, certificate: X509Certificate): Identity | undefined {
  const names = (certificate.subjectAltName ?? '').split(/,\s*/).filter((entry) => /^URI:"?mco-for:/i.test(entry));
  if (names.length === 0) return identity;
  const prefix = `URI:${applicationUri(identity.realm, '')}`;
  if (!names.every((entry) => entry.startsWith(prefix))) return undefined;
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

/** So many are kept in any case. */
const keptAlways = 256;

/**
 * For a program that talks to many nodes once: a certificate that will probably not come again is dropped if many are
 * kept, before it is the oldest.
 */
export function releaseCertificate(bytes: Uint8Array): void {
  if (lastRead.size > keptAlways) lastRead.delete(keyOf(bytes));
}

function keyOf(bytes: Uint8Array | string): string {
  if (typeof bytes === 'string') return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** @throws Problem `bad-certificate` when the bytes are not a certificate. */
export function parseCertificate(bytes: Uint8Array | string): X509Certificate {
  const key = keyOf(bytes);
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

/** The URI by which a certificate gives its node another role. */
function roleUri(realm: string, role: 'relay'): string {
  return `mco-role://${realm}/${role}`;
}

/** Whether the CA allows this node to relay: only its certificate can say so. */
export function hasRelayRole(certificate: X509Certificate): boolean {
  const { identity } = contentOf(certificate);
  if (identity === undefined) return false;
  const names = (certificate.subjectAltName ?? '').split(/,\s*/);
  return names.includes(`URI:${roleUri(identity.realm, 'relay')}`);
}

import { verify, type X509Certificate } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { type Element, readChildren, readHexInteger, readOnly, readTime, requireTag, tags } from '../x509/der.ts';
import { decodePem } from '../x509/pem.ts';

/** A revocation list whose signature was checked. An old one stays of use: what it revokes stays revoked. */
export interface Crl {
  /** `fingerprint256` of the CA that signed it. */
  readonly issuerFingerprint: string;
  /** The CRL number (RFC 5280, 5.2.3): a newer list has a higher one. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  /** Milliseconds since the epoch: from then on a newer list is overdue. */
  readonly nextUpdate: number;
  /** As it was signed (DER). */
  readonly raw: Buffer;
  /** How many certificates it names. */
  readonly size: number;
  /** Takes a serial as X509Certificate.serialNumber has it. */
  readonly isRevoked: (serial: string) => boolean;
}

export const crlLabel = 'X509 CRL';
const largest = 16 * 1024 * 1024;
/** Each costs the check of a signature. */
const mostBlocks = 16;

/** Object identifiers in hex; the algorithm with its tag, as it stands in an AlgorithmIdentifier. */
export const crlOids = {
  crlNumber: '551d14',
  reason: '551d15',
  authorityKeyId: '551d23',
  ecdsaWithSha256: '06082a8648ce3d040302',
} as const;

/**
 * Reads the one list in a PEM text.
 * @throws Problem `bad-crl` when it can't be read whole, `foreign-crl` when none of the authorities signed it
 */
export function readCrl(pem: string, authorities: readonly X509Certificate[]): Crl {
  const [crl, ...more] = readCrls(pem, authorities);
  if (crl === undefined || more.length > 0) {
    throw new Problem('bad-crl', 'one revocation list is expected in the file');
  }
  return crl;
}

/**
 * Reads the lists in a PEM text: one of each CA while one takes over from the other. Those of a CA that is not
 * trusted here are passed over, as long as one is left.
 * @throws Problem as {@link readCrl}
 */
export function readCrls(pem: string, authorities: readonly X509Certificate[]): Crl[] {
  if (pem.length > largest) throw new Problem('bad-crl', `the revocation list is larger than ${largest} bytes`);
  const blocks = decodePem(pem, crlLabel);
  if (blocks.length === 0) throw new Problem('bad-crl', `there is no “BEGIN ${crlLabel}” in the file`);
  if (blocks.length > mostBlocks) throw new Problem('bad-crl', `there are more than ${mostBlocks} lists in the file`);
  const crls = blocks.map((block) => parseCrl(block, authorities)).filter((crl) => crl !== undefined);
  if (crls.length === 0) throw new Problem('foreign-crl', 'the revocation list was not signed by this fleet’s CA');
  return crls;
}

function parseCrl(bytes: Uint8Array, authorities: readonly X509Certificate[]): Crl | undefined {
  try {
    const [list, algorithm, signature] = readChildren(readOnly(bytes, tags.sequence));
    const tbs = requireTag(list, tags.sequence);
    const { content } = requireTag(signature, tags.bitString);
    // The first byte counts bits that are not used.
    if (content[0] !== 0) throw new Problem('bad-crl', 'the signature of the revocation list is damaged');
    const issuer = signerOf(tbs, requireTag(algorithm, tags.sequence), content.subarray(1), authorities);
    return issuer && { issuerFingerprint: issuer.fingerprint256, raw: Buffer.from(bytes), ...parseList(tbs) };
  } catch (cause) {
    if (cause instanceof Problem && cause.code !== 'bad-der') throw cause;
    throw new Problem('bad-crl', 'the revocation list is damaged', 'fetch it again', { cause });
  }
}

/** Only ECDSA with SHA-256 is taken, whatever else the file says it is. */
function signerOf(
  tbs: Element,
  algorithm: Element,
  signature: Uint8Array,
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  const isOurs = Buffer.from(algorithm.content).toString('hex') === crlOids.ecdsaWithSha256;
  return authorities.find(({ publicKey }) => isOurs && verify('sha256', tbs.whole, publicKey, signature));
}

/** TBSCertList of RFC 5280, 5.1. */
function parseList(tbs: Element): Omit<Crl, 'issuerFingerprint' | 'raw'> {
  const [version, , issuer, thisUpdate, nextUpdate, ...rest] = readChildren(tbs);
  if (readHexInteger(version) !== '01') throw new Problem('bad-crl', 'the revocation list is not of version 2');
  requireTag(issuer, tags.sequence);
  const entries = rest[0]?.tag === tags.sequence ? rest.shift() : undefined;
  const serials = new Set(entries === undefined ? [] : readChildren(entries).map(serialOf));
  return {
    number: numberOf(requireTag(rest.shift(), tags.explicit0)),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: readTime(nextUpdate),
    size: serials.size,
    isRevoked: (serial) => serials.has(serial),
  };
}

function serialOf(entry: Element): string {
  const [serial, , extensions] = readChildren(requireTag(entry, tags.sequence));
  if (extensions !== undefined) readChildren(requireTag(extensions, tags.sequence)).map(refuseCritical);
  return readHexInteger(serial);
}

function numberOf(explicit: Element): number {
  const extensions = readChildren(readOnly(explicit.content, tags.sequence));
  extensions.map(refuseCritical);
  const found = extensions
    .map((extension) => readChildren(extension))
    .find(([oid]) => hexOf(oid) === crlOids.crlNumber);
  if (found === undefined) throw new Problem('bad-crl', 'the revocation list has no number');
  const value = requireTag(found.at(-1), tags.octetString);
  const number = Number.parseInt(readHexInteger(readOnly(value.content, tags.integer)), 16);
  if (!Number.isSafeInteger(number)) throw new Problem('bad-crl', 'the number of the revocation list is beyond 2^53');
  return number;
}

/** A critical extension changes what a list means (a delta, another issuer's entries), so one that is not known must not be used. */
function refuseCritical(extension: Element): void {
  const [oid, critical] = readChildren(requireTag(extension, tags.sequence));
  const isCritical = critical?.tag === tags.boolean && critical.content[0] !== 0;
  if (!isCritical || [crlOids.crlNumber, crlOids.authorityKeyId].some((known) => known === hexOf(oid))) return;
  throw new Problem('bad-crl', 'the revocation list has a critical extension that is not known here');
}

function hexOf(oid: Element | undefined): string {
  return Buffer.from(requireTag(oid, tags.oid).content).toString('hex');
}

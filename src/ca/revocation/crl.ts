import { type KeyType, verify, X509Certificate } from 'node:crypto';
import { isRoot, pathsOf, rememberIssuers } from '../../core/credentials/issuers.ts';
import { Problem } from '../../core/errors.ts';
import { type Element, readChildren, readHexInteger, readOnly, readTime, requireTag, tags } from '../x509/der.ts';
import { decodePem } from '../x509/pem.ts';
import { laterIndex, type SerialIndex } from './serial-index.ts';

/** A revocation list whose signature was checked. An old one stays useful: its revocations stay valid. */
export interface Crl {
  readonly issuer: X509Certificate;
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
  /** Accepts a serial in the form of X509Certificate.serialNumber. */
  readonly isRevoked: (serial: string) => boolean;
}

export const crlLabel = 'X509 CRL';
const largest = 16 * 1024 * 1024;
/** Each costs the check of a signature. */
const mostBlocks = 16;

/** Object identifiers in hex; the algorithm with its tag, as in an AlgorithmIdentifier. */
export const crlOids = {
  crlNumber: '551d14',
  reason: '551d15',
  authorityKeyId: '551d23',
  ecdsaWithSha256: '06082a8648ce3d040302',
} as const;

/** By the content of an AlgorithmIdentifier in hex. */
const signatureAlgorithms: Readonly<Record<string, { readonly type: KeyType; readonly digest: string | null }>> = {
  [crlOids.ecdsaWithSha256]: { type: 'ec', digest: 'sha256' },
  '06082a8648ce3d040303': { type: 'ec', digest: 'sha384' },
  '06082a8648ce3d040304': { type: 'ec', digest: 'sha512' },
  '06092a864886f70d01010b0500': { type: 'rsa', digest: 'sha256' },
  '06092a864886f70d01010c0500': { type: 'rsa', digest: 'sha384' },
  '06092a864886f70d01010d0500': { type: 'rsa', digest: 'sha512' },
  '06032b6570': { type: 'ed25519', digest: null },
};

/**
 * Reads the one list in a PEM text.
 * @throws Problem `bad-crl` when it cannot be read whole, `foreign-crl` when none of the authorities signed it
 */
export function readCrl(pem: string, authorities: readonly X509Certificate[]): Crl {
  const [crl, ...more] = readCrls(pem, authorities);
  if (crl === undefined || more.length > 0) {
    throw new Problem('bad-crl', 'one revocation list is expected in the file');
  }
  return crl;
}

/**
 * Reads the lists in a PEM text: one of each CA while one replaces the other. The certificates of intermediate CAs may
 * be beside them. Lists of an untrusted CA are skipped, as long as one is left.
 * @throws Problem as {@link readCrl}
 */
export function readCrls(pem: string, authorities: readonly X509Certificate[]): Crl[] {
  const { crls } = sortCrls(pem, authorities);
  if (crls.length === 0) throw new Problem('foreign-crl', 'the revocation list was not signed by this fleet’s CA');
  return crls;
}

/** The certificates of the intermediate CAs that signed lists, and of those above them, in PEM; readers have the roots. */
export function signersPem(crls: readonly Crl[], authorities: readonly X509Certificate[]): string {
  const signers = crls.flatMap(({ issuer }) => [issuer, ...(pathsOf(issuer, { authorities })[0] ?? [])]);
  const texts = signers.filter((one) => !isRoot(one)).map(String);
  return [...new Set(texts)].join('');
}

/** The CAs whose certificates are beside the lists, as far as they lead to one of the authorities. */
function signersIn(pem: string, authorities: readonly X509Certificate[]): X509Certificate[] {
  const signers = decodePem(pem, 'CERTIFICATE').slice(0, mostBlocks).flatMap(readAuthority);
  let leading: X509Certificate[] = [];
  let before: number;
  do {
    before = leading.length;
    // A CA may come before the one above it: each pass finds those below the CAs that are known by then.
    for (const one of signers) rememberIssuers([one], { authorities });
    leading = signers.filter((one) => pathsOf(one, { authorities }).length > 0);
  } while (leading.length > before);
  return leading;
}

function readAuthority(bytes: Buffer): X509Certificate[] {
  try {
    const certificate = new X509Certificate(bytes);
    return certificate.ca ? [certificate] : [];
  } catch {
    return [];
  }
}

/** The lists that one of the CAs signed, and those (DER) of unknown signers. */
export interface SortedCrls {
  readonly crls: Crl[];
  readonly unknown: readonly Buffer[];
}

/** @throws Problem `bad-crl` */
export function sortCrls(pem: string, authorities: readonly X509Certificate[]): SortedCrls {
  if (pem.length > largest) throw new Problem('bad-crl', `the revocation list is larger than ${largest} bytes`);
  const blocks = decodePem(pem, crlLabel);
  if (blocks.length === 0) throw new Problem('bad-crl', `there is no “BEGIN ${crlLabel}” in the file`);
  if (blocks.length > mostBlocks) throw new Problem('bad-crl', `there are more than ${mostBlocks} lists in the file`);
  const signers = [...authorities, ...signersIn(pem, authorities)];
  const crls: Crl[] = [];
  const unknown: Buffer[] = [];
  for (const block of blocks) {
    const crl = parseCrl(block, signers);
    if (crl === undefined) unknown.push(block);
    else crls.push(crl);
  }
  return { crls, unknown };
}

/** @returns undefined when none of the authorities signed it @throws Problem `bad-crl` */
export function parseCrl(bytes: Uint8Array, authorities: readonly X509Certificate[]): Crl | undefined {
  try {
    const [list, algorithm, signature] = readChildren(readOnly(bytes, tags.sequence));
    const tbs = requireTag(list, tags.sequence);
    const { content } = requireTag(signature, tags.bitString);
    // The first byte counts bits that are not used.
    if (content[0] !== 0) throw new Problem('bad-crl', 'the signature of the revocation list is damaged');
    const issuer = signerOf(tbs, requireTag(algorithm, tags.sequence), content.subarray(1), authorities);
    return issuer && { issuer, issuerFingerprint: issuer.fingerprint256, raw: Buffer.from(bytes), ...parseList(tbs) };
  } catch (cause) {
    if (cause instanceof Problem && cause.code !== 'bad-der') throw cause;
    throw new Problem('bad-crl', 'the revocation list is damaged', 'copy it again', { cause });
  }
}

/** The signer of the list, by a supported algorithm (RFC 5758, RFC 8017, RFC 8410), whatever the file claims. */
function signerOf(
  tbs: Element,
  algorithm: Element,
  signature: Uint8Array,
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  const taken = signatureAlgorithms[Buffer.from(algorithm.content).toString('hex')];
  if (taken === undefined) return undefined;
  const { type, digest } = taken;
  return authorities.find(
    ({ publicKey }) => publicKey.asymmetricKeyType === type && verify(digest, tbs.whole, publicKey, signature),
  );
}

/** TBSCertList of RFC 5280, 5.1. */
function parseList(tbs: Element): Omit<Crl, 'issuer' | 'issuerFingerprint' | 'raw'> {
  const [version, , issuer, thisUpdate, nextUpdate, ...rest] = readChildren(tbs);
  if (readHexInteger(version) !== '01') throw new Problem('bad-crl', 'the revocation list is not of version 2');
  requireTag(issuer, tags.sequence);
  const entries = rest[0]?.tag === tags.sequence ? rest.shift() : undefined;
  const serials = readSerials(entries?.content ?? Buffer.alloc(0));
  return {
    number: numberOf(requireTag(rest.shift(), tags.explicit0)),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: readTime(nextUpdate),
    size: serials.size,
    isRevoked: (serial) => serials.has(Buffer.from(serial, 'hex')),
  };
}

/** The longest serial (RFC 5280, 4.1.2.2), with the byte that keeps it positive. */
const longestSerial = 21;
/** Bytes of an entry with the shortest serial and a date. */
const shortestEntry = 20;
/** `crlEntryExtensions` with only a reason, which is not critical, up to the reason itself (RFC 5280, 5.3.1). */
const reasonAlone = Buffer.from('300c300a0603551d1504030a01', 'hex');

/**
 * The serials of all entries, without leading zeros: one pass over the bytes, since a list may have tens of thousands, and
 * nothing else happens in a daemon while one is read.
 */
function readSerials(bytes: Uint8Array): SerialIndex {
  const positions = new Uint32Array(2 * Math.ceil(bytes.length / shortestEntry));
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    // An entry is short: its length is one byte, or one more.
    const head = bytes[at + 1] === 0x81 ? 3 : 2;
    const end = at + head + (bytes[at + head - 1] ?? 0);
    const length = bytes[at + head + 1] ?? 0;
    let from = at + head + 2;
    const next = from + length;
    const whole = bytes[at] === tags.sequence && (bytes[at + 1] ?? 0) <= 0x81 && bytes[at + head] === tags.integer;
    if (!whole || length === 0 || length > longestSerial || next > end || end > bytes.length) throw malformed();
    while (from < next - 1 && bytes[from] === 0) from++;
    positions[2 * count] = from;
    positions[2 * count + 1] = next;
    count++;
    checkRest(bytes, next, end);
    at = end;
  }
  return laterIndex(bytes, positions, count);
}

/** After the serial come its date and, optionally, extensions. */
function checkRest(bytes: Uint8Array, at: number, end: number): void {
  const time = bytes[at];
  const length = bytes[at + 1] ?? 0;
  const date = at + 2 + length;
  if ((time !== tags.utcTime && time !== tags.generalizedTime) || length < 13 || date > end) throw malformed();
  if (date === end || isReason(bytes, date, end)) return;
  readChildren(readOnly(bytes.subarray(date, end), tags.sequence)).map(refuseCritical);
}

function isReason(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at !== reasonAlone.length + 1) return false;
  for (let index = 0; index < reasonAlone.length; index++) if (bytes[at + index] !== reasonAlone[index]) return false;
  return true;
}

function malformed(): Problem {
  return new Problem('bad-crl', 'the revocation list is damaged', 'copy it again');
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

/**
 * A critical extension changes the meaning of a list (a delta, another issuer's entries), so an unknown one must not be
 * used.
 */
function refuseCritical(extension: Element): void {
  const [oid, critical] = readChildren(requireTag(extension, tags.sequence));
  const isCritical = critical?.tag === tags.boolean && critical.content[0] !== 0;
  if (!isCritical || [crlOids.crlNumber, crlOids.authorityKeyId].some((known) => known === hexOf(oid))) return;
  throw new Problem('bad-crl', 'the revocation list has a critical extension that is not supported');
}

function hexOf(oid: Element | undefined): string {
  return Buffer.from(requireTag(oid, tags.oid).content).toString('hex');
}

import type { X509Certificate } from 'node:crypto';

/** An extension of a certificate (RFC 5280, 4.1.2.9). */
export interface Extension {
  /** Its object identifier: the last number where it is one of 2.5.29, as those of RFC 5280, 4.2.1, are. */
  readonly id: number | undefined;
  readonly isCritical: boolean;
  /** Where its value, which is DER, begins and ends in the certificate. */
  readonly from: number;
  readonly to: number;
}

/** Those of RFC 5280, 4.2.1, below 2.5.29. */
export const oids = {
  keyUsage: 15,
  alternativeName: 17,
  basicConstraints: 19,
  nameConstraints: 30,
  crlDistributionPoints: 31,
  certificatePolicies: 32,
  policyMappings: 33,
  policyConstraints: 36,
  extendedKeyUsage: 37,
  inhibitAnyPolicy: 54,
} as const;

const extensionsTag = 0xa3;
const booleanTag = 0x01;

/**
 * Certificate, TBSCertificate and Extension: RFC 5280, 4.1. A command reads those of each node that replies: so no
 * buffer is made of any part.
 */
export function extensionsOf({ raw }: Pick<X509Certificate, 'raw'>): Extension[] {
  const found: Extension[] = [];
  const body = contentAt(raw, 0);
  for (let at = contentAt(raw, body), end = endOf(raw, body); at < end; at = endOf(raw, at)) {
    if (raw[at] !== extensionsTag) continue;
    const list = contentAt(raw, at);
    for (let one = contentAt(raw, list); one < endOf(raw, list); one = endOf(raw, one)) found.push(readAt(raw, one));
  }
  return found;
}

function readAt(raw: Buffer, at: number): Extension {
  const id = contentAt(raw, at);
  const second = endOf(raw, id);
  // The last is the value; the critical flag may come before it.
  let value = second;
  while (endOf(raw, value) < endOf(raw, at)) value = endOf(raw, value);
  const isWhole = value < endOf(raw, at);
  return {
    id: raw[id + 1] === 3 && raw[id + 2] === 0x55 && raw[id + 3] === 0x1d ? raw[id + 4] : undefined,
    isCritical: second < value && raw[second] === booleanTag && raw[contentAt(raw, second)] !== 0,
    from: isWhole ? contentAt(raw, value) : second,
    to: isWhole ? endOf(raw, value) : second,
  };
}

/** The value of the extension with this identifier. */
export function valueIn(certificate: Pick<X509Certificate, 'raw'>, wanted: number): Buffer | undefined {
  const extension = extensionsOf(certificate).find(({ id }) => id === wanted);
  return extension && certificate.raw.subarray(extension.from, extension.to);
}

/**
 * Where the content of a DER element begins: after its tag, and its length of one byte or with the number of its bytes
 * before it (X.690, 8.1).
 */
export function contentAt(bytes: Buffer, at: number): number {
  return at + 2 + sizeOfLength(bytes[at + 1] ?? 0);
}

/** Where it ends; the end of the bytes where they are cut off. */
function endOf(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  const start = contentAt(bytes, at);
  if (start > bytes.length) return bytes.length;
  let length = first < 0x80 ? first : 0;
  for (let index = at + 2; index < start; index++) length = length * 0x100 + (bytes[index] ?? 0);
  return Math.min(start + length, bytes.length);
}

function sizeOfLength(first: number): number {
  return first < 0x80 ? 0 : first & 0x7f;
}

/** The content of the first element. */
export function derContent(bytes: Buffer): Buffer {
  return bytes.subarray(contentAt(bytes, 0), endOf(bytes, 0));
}

/** Consecutive DER elements. */
export function elements(bytes: Buffer): { readonly tag: number; readonly content: Buffer }[] {
  const found: { tag: number; content: Buffer }[] = [];
  for (let at = 0; at + 2 <= bytes.length; at = endOf(bytes, at)) {
    found.push({ tag: bytes[at] ?? 0, content: bytes.subarray(contentAt(bytes, at), endOf(bytes, at)) });
  }
  return found;
}

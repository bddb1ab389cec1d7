import type { X509Certificate } from 'node:crypto';

interface Limits {
  readonly pathLength: number | undefined;
  /** Whether a CA issued it to itself: for another key, or as a root. */
  readonly isOwn: boolean;
}

const limits = new WeakMap<X509Certificate, Limits>();

/** Read once. */
function limitsOf(certificate: X509Certificate): Limits {
  const known = limits.get(certificate);
  if (known !== undefined) return known;
  const { raw, subject, issuer } = certificate;
  const read = { pathLength: readPathLength(raw), isOwn: subject === issuer };
  limits.set(certificate, read);
  return read;
}

/** How many CAs a CA may have below it; undefined where its certificate sets no limit (RFC 5280, 4.2.1.9). */
export function pathLengthOf(certificate: X509Certificate): number | undefined {
  return limitsOf(certificate).pathLength;
}

/** The first CA of a path that may not have so many CAs below it. @param path issuers, the one of the certificate first */
export function limitOf(path: readonly X509Certificate[]): X509Certificate | undefined {
  let below = 0;
  for (const issuer of path) {
    if (below > (pathLengthOf(issuer) ?? Number.POSITIVE_INFINITY)) return issuer;
    // A certificate that a CA issued to itself, for another key, does not count.
    if (!limitsOf(issuer).isOwn) below++;
  }
  return undefined;
}

const extensionsTag = 0xa3;
const integerTag = 0x02;
/** 2.5.29.19 */
const basicConstraints = Buffer.from('551d13', 'hex');

/** Certificate, TBSCertificate and Extension: RFC 5280, 4.1. */
function readPathLength(raw: Buffer): number | undefined {
  const [body] = elements(contentOf(raw));
  const extensions = elements(body?.content ?? empty).find(({ tag }) => tag === extensionsTag);
  for (const extension of elements(contentOf(extensions?.content ?? empty))) {
    const [id, ...rest] = elements(extension.content);
    if (id?.content.equals(basicConstraints) !== true) continue;
    // The last is the value; the critical flag may come before it.
    const constraints = elements(contentOf(rest.at(-1)?.content ?? empty));
    const length = constraints.find(({ tag }) => tag === integerTag);
    return length === undefined ? undefined : Number.parseInt(length.content.toString('hex'), 16);
  }
  return undefined;
}

const empty = Buffer.alloc(0);

function contentOf(bytes: Buffer): Buffer {
  return elements(bytes)[0]?.content ?? empty;
}

/**
 * Consecutive DER elements (X.690, 8.1): a tag, a length of one byte or with the number of its bytes before it, the
 * content.
 */
function elements(bytes: Buffer): { readonly tag: number; readonly content: Buffer }[] {
  const found: { tag: number; content: Buffer }[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [tag = 0, first = 0] = bytes.subarray(at, at + 2);
    const size = first < 0x80 ? 0 : first & 0x7f;
    const length = size === 0 ? first : Number.parseInt(bytes.toString('hex', at + 2, at + 2 + size), 16);
    const start = at + 2 + size;
    found.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

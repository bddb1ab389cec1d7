import type { X509Certificate } from 'node:crypto';

/** An extension of a certificate (RFC 5280, 4.1.2.9). */
export interface Extension {
  /** The bytes of its object identifier, in hex. */
  readonly id: string;
  readonly isCritical: boolean;
  /** DER. */
  readonly value: Buffer;
}

/** Those of RFC 5280, 4.2.1, in hex. */
export const oids = {
  keyUsage: '551d0f',
  alternativeName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  crlDistributionPoints: '551d1f',
  certificatePolicies: '551d20',
  policyMappings: '551d21',
  policyConstraints: '551d24',
  extendedKeyUsage: '551d25',
  inhibitAnyPolicy: '551d36',
} as const;

const extensionsTag = 0xa3;
const booleanTag = 0x01;

/** Certificate, TBSCertificate and Extension: RFC 5280, 4.1. */
export function extensionsOf({ raw }: Pick<X509Certificate, 'raw'>): Extension[] {
  const [body] = elements(contentOf(raw));
  const extensions = elements(body?.content ?? empty).find(({ tag }) => tag === extensionsTag);
  return elements(contentOf(extensions?.content)).flatMap(({ content }) => {
    const [id, ...rest] = elements(content);
    // The last is the value; the critical flag may come before it.
    const value = rest.at(-1)?.content ?? empty;
    const isCritical = rest.some((one) => one.tag === booleanTag && one.content[0] !== 0);
    return id === undefined ? [] : [{ id: id.content.toString('hex'), isCritical, value }];
  });
}

const empty = Buffer.alloc(0);

/** The content of the first element. */
export function contentOf(bytes: Buffer = empty): Buffer {
  return elements(bytes)[0]?.content ?? empty;
}

/**
 * Consecutive DER elements (X.690, 8.1): a tag, a length of one byte or with the number of its bytes before it, the
 * content.
 */
export function elements(bytes: Buffer): { readonly tag: number; readonly content: Buffer }[] {
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

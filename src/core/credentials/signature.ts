import { type KeyObject, sign as signBytes, verify as verifyBytes, type X509Certificate } from 'node:crypto';
import type { Identity } from '../identity.ts';

/** One's own identity with its proof. */
export interface Credentials {
  readonly identity: Identity;
  readonly certificate: X509Certificate;
  /** The intermediate CAs between the certificate and its root, in the order of its file. */
  readonly issuers?: readonly X509Certificate[];
  readonly key: KeyObject;
}

const chains = new WeakMap<Credentials, Buffer[]>();

/** A certificate with its chain to the root (DER), as it accompanies what it signs. OpenSSL makes the bytes once. */
export function chainOf(credentials: Credentials): Buffer[] {
  const { certificate, issuers = [] } = credentials;
  const chain = chains.get(credentials) ?? [certificate, ...issuers].map(({ raw }) => raw);
  chains.set(credentials, chain);
  return chain;
}

/** Every signature contains its purpose, so that it cannot be used for another. */
export type SignatureContext =
  | 'request'
  | 'reply'
  | 'audit-record'
  | 'audit-head'
  | 'journal-line'
  | 'encryption-key'
  | 'query'
  | 'query-reply'
  | 'ticket';

function inContext(context: SignatureContext, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`mco-deploy/1/${context}\0`), bytes]);
}

/** Ed25519 hashes by itself (RFC 8032); every other key signs a SHA-256 digest. */
function digestFor(key: KeyObject): 'sha256' | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

/** The name of a key, for people: `EC prime256v1`, `RSA 2048`, … */
function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): string {
  const detail = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength;
  return [type?.toUpperCase() ?? 'unknown', ...(detail === undefined ? [] : [detail])].join(' ');
}

const curves = new Set(['prime256v1', 'secp384r1']);
const shortestRsa = 2048;

/** Why a key cannot sign for mco-deploy; undefined for EC on P-256 or P-384, RSA from 2048 bits, and Ed25519. */
export function unusableKey(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const usable =
    type === 'ed25519' ||
    (type === 'ec' && curves.has(details?.namedCurve ?? '')) ||
    (type === 'rsa' && (details?.modulusLength ?? 0) >= shortestRsa);
  if (usable) return undefined;
  return `its key is ${kindOf(key)}; EC P-256, EC P-384, RSA from ${shortestRsa} bits and Ed25519 can be used`;
}

/** ECDSA (DER-encoded) or RSA with SHA-256, or Ed25519, of the context prefix `mco-deploy/1/CONTEXT` NUL and the bytes. */
export function sign(context: SignatureContext, bytes: Uint8Array, key: KeyObject): Buffer {
  return signBytes(digestFor(key), inContext(context, bytes), key);
}

/** False for any invalid signature, a malformed one included. */
export function verifies(
  context: SignatureContext,
  bytes: Uint8Array,
  signature: Uint8Array,
  certificate: X509Certificate,
): boolean {
  try {
    const { publicKey } = certificate;
    return verifyBytes(digestFor(publicKey), inContext(context, bytes), publicKey, signature);
  } catch {
    return false;
  }
}

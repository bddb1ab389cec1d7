import { type KeyObject, sign as signBytes, verify as verifyBytes, type X509Certificate } from 'node:crypto';

/** Every signature says what it is for, so that one can never be passed off as another. */
export type SignatureContext =
  | 'request'
  | 'reply'
  | 'audit-record'
  | 'audit-head'
  | 'encryption-key'
  | 'query'
  | 'query-reply';

function inContext(context: SignatureContext, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`mco-deploy/1/${context}\0`), bytes]);
}

/** ECDSA over P-256 with SHA-256, DER-encoded, of the context prefix `mco-deploy/1/CONTEXT` NUL and the bytes. */
export function sign(context: SignatureContext, bytes: Uint8Array, key: KeyObject): Buffer {
  return signBytes('sha256', inContext(context, bytes), key);
}

/** False for any signature that does not hold, a malformed one included. */
export function verifies(
  context: SignatureContext,
  bytes: Uint8Array,
  signature: Uint8Array,
  certificate: X509Certificate,
): boolean {
  try {
    return verifyBytes('sha256', inContext(context, bytes), certificate.publicKey, signature);
  } catch {
    return false;
  }
}

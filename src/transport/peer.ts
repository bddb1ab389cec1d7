import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { identityOf, parseCertificate } from '../core/credentials/certificate.ts';
import { proveCertificate, type Trust } from '../core/credentials/proof.ts';
import { Problem } from '../core/errors.ts';
import type { Identity } from '../core/identity.ts';

/** A call of any shape: only its connection is needed. */
export type AnyCall = Pick<
  ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>,
  'getAuthContext'
>;

/** The identity that the other end proved in the handshake, whether or not it is still valid. */
export function peerIdentity(call: AnyCall): Identity | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined ? undefined : identityOf(parseCertificate(certificate.raw));
}

/**
 * The identity of the other end, checked on every call and not only at the handshake: a certificate may be revoked or
 * expire while its connection lives.
 * @throws Problem as {@link proveCertificate}
 */
export function provePeer(call: AnyCall, kinds: readonly Identity['kind'][], trust: Trust, now: number): Identity {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) throw new Problem('foreign-certificate', 'the connection carries no certificate');
  return proveAny(certificate.raw, kinds, trust, now);
}

/** The owner of a certificate, of any of the given kinds. @throws Problem as {@link proveCertificate} */
export function proveAny(raw: Uint8Array, kinds: readonly Identity['kind'][], trust: Trust, now: number): Identity {
  const parsed = parseCertificate(raw);
  const [first, second] = kinds;
  try {
    return proveCertificate(parsed, first ?? 'operator', trust, now).identity;
  } catch (error) {
    const other = error instanceof Problem && error.code === 'wrong-kind' ? second : undefined;
    if (other === undefined) throw error;
    return proveCertificate(parsed, other, trust, now).identity;
  }
}

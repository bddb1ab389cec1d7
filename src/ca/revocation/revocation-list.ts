/** Encoded here rather than by the X.509 library, which takes twelve seconds for ten thousand entries (measured). */
import { sign } from 'node:crypto';
import type { Authority } from '../x509/authority.ts';
import { crlLabel, crlOids } from './crl.ts';
import { element, encodeTime, integer, integerOf, readChildren, readOnly, requireTag, tags } from '../x509/der.ts';
import { keyIdOf } from '../x509/keys.ts';
import { encodePem } from '../x509/pem.ts';

/** Why a certificate was revoked: names of RFC 5280, 5.3.1. */
const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const;

export type RevocationReason = keyof typeof reasonCodes;

export const revocationReasons = Object.keys(reasonCodes) as RevocationReason[];

export interface Revocation {
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: RevocationReason;
}

export interface RevocationListOptions {
  readonly revoked: readonly Revocation[];
  /** Higher than that of any earlier list. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Days until the next list is due. */
  readonly days: number;
}

const minute = 60 * 1000;
const day = 24 * 60 * minute;

/** Makes and signs a revocation list, in PEM under the label that OpenSSL and Node accept (RFC 5280, 5). */
export function makeRevocationList(options: RevocationListOptions, { certificate, key }: Authority): string {
  const algorithm = sequence(Buffer.from(crlOids.ecdsaWithSha256, 'hex'));
  const entries = options.revoked.map(entryOf);
  const keyId = sequence(element(tags.implicit0, Buffer.from(keyIdOf(certificate.publicKey), 'hex')));
  const extensions = [extension(crlOids.authorityKeyId, keyId), extension(crlOids.crlNumber, integer(options.number))];
  const list = sequence(
    integer(1),
    algorithm,
    subjectOf(certificate.raw),
    encodeTime(options.now - 5 * minute),
    encodeTime(options.now + options.days * day),
    // An empty list has no entries rather than an empty sequence of them.
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    element(tags.explicit0, sequence(...extensions)),
  );
  const signature = element(tags.bitString, Buffer.of(0), sign('sha256', list, key));
  return encodePem(sequence(list, algorithm, signature), crlLabel);
}

function entryOf({ serial, at, reason }: Revocation): Buffer {
  const code = reasonCodes[reason];
  // RFC 5280, 5.3.1: “unspecified” is expressed by omission.
  const reasons = code === 0 ? [] : [sequence(extension(crlOids.reason, element(tags.enumerated, Buffer.of(code))))];
  return sequence(integerOf(Buffer.from(serial, 'hex')), encodeTime(at), ...reasons);
}

function extension(oid: string, value: Uint8Array): Buffer {
  return sequence(element(tags.oid, Buffer.from(oid, 'hex')), element(tags.octetString, value));
}

function sequence(...contents: Uint8Array[]): Buffer {
  return element(tags.sequence, ...contents);
}

/** The name of the CA byte for byte, as path validation compares it: the sixth field of its certificate. */
function subjectOf(certificate: Uint8Array): Uint8Array {
  const [tbs] = readChildren(readOnly(certificate, tags.sequence));
  const fields = readChildren(requireTag(tbs, tags.sequence));
  return requireTag(fields[5], tags.sequence).whole;
}

import type { Authority } from './authority.ts';
import { issuerName, keyIdOf } from './certificate.ts';
import { crlLabel } from './crl.ts';
import { integer } from './der.ts';
import { keyPairOf, signingAlgorithm, toCryptoKeys } from './keys.ts';
import { encodePem } from './pem.ts';
import * as x509 from './x509.ts';

/** Why a certificate was revoked: names of RFC 5280, 5.3.1. */
export const revocationReasons = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

export type RevocationReason = (typeof revocationReasons)[number];

export interface Revocation {
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: RevocationReason;
}

export interface ListOrder {
  readonly revoked: readonly Revocation[];
  /** Higher than that of any list before it. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Days until the next list is due. */
  readonly days: number;
}

const minute = 60 * 1000;
const day = 24 * 60 * minute;

/** Makes and signs a revocation list, in PEM under the label that OpenSSL and Node take (RFC 5280, 5). */
export async function makeRevocationList(order: ListOrder, authority: Authority): Promise<string> {
  const { privateKey } = toCryptoKeys(keyPairOf(authority.key));
  const list = await x509.X509CrlGenerator.create({
    issuer: issuerName(authority.certificate),
    thisUpdate: new Date(order.now - 5 * minute),
    nextUpdate: new Date(order.now + order.days * day),
    signingAlgorithm,
    signingKey: privateKey,
    entries: order.revoked.map(({ serial, at, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(at),
      reason: x509.X509CrlReason[reason],
    })),
    extensions: [
      new x509.AuthorityKeyIdentifierExtension(keyIdOf(authority.certificate.publicKey)),
      new x509.Extension('2.5.29.20', false, integer(order.number)),
    ],
  });
  return encodePem(new Uint8Array(list.rawData), crlLabel);
}

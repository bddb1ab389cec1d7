import type { X509Certificate } from 'node:crypto';
import type { Trust } from '../core/certificate.ts';
import { type Crl, readCrls } from './crl.ts';

/** Days before a new list is due from which its keeper is warned. */
const warningDays = 7;
const day = 24 * 60 * 60 * 1000;

/** What the lists in a file mean for a side that checks certificates. */
export interface Revocations {
  readonly isRevoked: Trust['isRevoked'];
  /** Set when a list is overdue or soon will be: it is obeyed all the same, but says nothing of what came later. */
  readonly warning?: string;
}

/**
 * @param now milliseconds since the epoch
 * @throws Problem `bad-crl`, `foreign-crl`
 */
export async function readRevocations(
  pem: string,
  authorities: readonly X509Certificate[],
  now = Date.now(),
): Promise<Revocations> {
  const crls = readCrls(pem, authorities);
  const warning = warningOf(crls, now);
  return { isRevoked: revocationOf(crls), ...(warning === undefined ? {} : { warning }) };
}

/** What {@link Trust} asks, answered out of lists. */
export function revocationOf(crls: readonly Crl[]): Trust['isRevoked'] {
  return (serial, issuer) => crls.some((crl) => crl.issuerFingerprint === issuer && crl.isRevoked(serial));
}

function warningOf(crls: readonly Crl[], now: number): string | undefined {
  const due = Math.min(...crls.map((crl) => crl.nextUpdate));
  const date = new Date(due).toISOString();
  const remedy = 'make one with “mco-deploy ca crl” and bring it here';
  if (now > due) return `a new revocation list has been due since ${date}: ${remedy}`;
  return now > due - warningDays * day ? `a new revocation list is due by ${date}: ${remedy}` : undefined;
}

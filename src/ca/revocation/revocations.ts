import type { X509Certificate } from 'node:crypto';
import type { Trust } from '../../core/credentials/proof.ts';
import type { Revocations } from '../../core/credentials/credentials.ts';
import { fingerprintOf } from '../../core/credentials/certificate.ts';
import { pathsOf } from '../../core/credentials/issuers.ts';
import { Problem } from '../../core/errors.ts';
import { type Crl, parseCrl, sortCrls } from './crl.ts';

/** Days before a new list is due from which its owner is warned. */
const warningDays = 7;
const day = 24 * 60 * 60 * 1000;

/** The lists in force, for a side that checks certificates. */
export interface ListedRevocations extends Revocations {
  /** The newest list of each trusted CA. */
  readonly lists: readonly Crl[];
}

/**
 * Reads the lists in a PEM text. What was revoked stays revoked: an older list never replaces a newer one, whatever its
 * source.
 * @param before what is in force until now
 * @param delivered a second text, which may be of a CA that is no longer trusted
 * @throws Problem `bad-crl`, `foreign-crl`
 */
export async function readRevocations(
  pem: string | undefined,
  authorities: readonly X509Certificate[],
  before?: Revocations,
  delivered?: string,
): Promise<ListedRevocations> {
  const trusted = new Set(authorities.map(({ fingerprint256 }) => fingerprint256));
  const isTrusted = ({ issuer, issuerFingerprint }: Crl) =>
    trusted.has(issuerFingerprint) || pathsOf(issuer, { authorities }).length > 0;
  const current = listsOf(before).filter(isTrusted);
  const own = pem === undefined ? undefined : sortCrls(pem, authorities);
  const others = delivered === undefined ? undefined : sortCrls(delivered, authorities);
  const sorted = [own, others].filter((one) => one !== undefined);
  const read = sorted.flatMap(({ crls }) => crls);
  if (own !== undefined && own.crls.length === 0) {
    throw new Problem('foreign-crl', 'the revocation list was not signed by this fleet’s CA');
  }
  const lists = newest([...current, ...read]);
  const isOnDisk = (one: Crl) => read.some(({ raw }) => raw.equals(one.raw));
  const older = lists.filter((one) => !isOnDisk(one) && read.some((other) => isNewer(one, other)));
  return {
    lists,
    isRevoked: either(revocationOf(lists), laterRevocation(sorted.flatMap(({ unknown }) => unknown))),
    warnings: (now) => [...older.map(olderWarning), ...dueWarning(withoutRevokedCas(lists, authorities), now)],
  };
}

/**
 * Lists whose signers were unknown when they were read: intermediate CAs come with the certificates that they signed.
 */
function laterRevocation(unknown: readonly Buffer[]): Trust['isRevoked'] {
  const found = new Map<string, readonly Crl[]>();
  return (serial, issuer) => {
    const fingerprint = fingerprintOf(issuer);
    const lists = found.get(fingerprint) ?? newest(unknown.flatMap((block) => parseCrl(block, [issuer]) ?? []));
    found.set(fingerprint, lists);
    return lists.some((crl) => crl.isRevoked(serial));
  };
}

function either(first: Trust['isRevoked'], second: Trust['isRevoked']): Trust['isRevoked'] {
  return (serial, issuer) => first(serial, issuer) || second(serial, issuer);
}

/** The lists behind revocations that were read here. */
export function listsOf(revocations: Revocations | undefined): readonly Crl[] {
  return revocations !== undefined && 'lists' in revocations ? (revocations as ListedRevocations).lists : [];
}

/** The queries of {@link Trust}, answered from lists. */
function revocationOf(crls: readonly Crl[]): Trust['isRevoked'] {
  return (serial, issuer) => crls.some((crl) => isSameCa(crl.issuer, issuer) && crl.isRevoked(serial));
}

/** One key is one CA, with all its certificates: one that was renewed, or that another CA signed as well. */
function isSameCa(one: X509Certificate, other: X509Certificate): boolean {
  return fingerprintOf(one) === fingerprintOf(other) || one.publicKey.equals(other.publicKey);
}

/** Whether a list replaces another of the same CA: by its number, and never with an older date. */
export function isNewer(one: Crl, other: Crl): boolean {
  return isSameCa(one.issuer, other.issuer) && one.number > other.number && one.thisUpdate >= other.thisUpdate;
}

/** The newest list of each CA. */
export function newest(crls: readonly Crl[]): Crl[] {
  return crls
    .filter((crl) => !crls.some((other) => isNewer(other, crl)))
    .filter((crl, index, left) => index === left.findIndex((other) => isSameCa(other.issuer, crl.issuer)));
}

/**
 * Lists whose next update is due: a CA that was revoked signs no more. Its last list still counts: another CA may have
 * signed the same key, and what is below it is then not refused as a whole.
 */
export function withoutRevokedCas(lists: readonly Crl[], authorities: readonly X509Certificate[]): Crl[] {
  const isRevoked = revocationOf(lists);
  return lists.filter(({ issuer }) => {
    // All CAs that issued one certificate have one key: the list of any of them decides.
    const [above] = pathsOf(issuer, { authorities })[0] ?? [];
    return above === undefined || !isRevoked(issuer.serialNumber, above);
  });
}

function olderWarning({ number }: Crl): string {
  return `the revocation list on the disk is older than list ${number}, which stays in force: copy that one back`;
}

function dueWarning(crls: readonly Crl[], now: number): string[] {
  if (crls.length === 0) return [];
  const due = Math.min(...crls.map((crl) => crl.nextUpdate));
  const date = new Date(due).toISOString();
  const remedy = 'create one with “mco-deploy ca crl” and send it here with “mco-deploy ca push-crl”';
  if (now > due) return [`a new revocation list has been due since ${date}: ${remedy}`];
  return now > due - warningDays * day ? [`a new revocation list is due by ${date}: ${remedy}`] : [];
}

/** The actions of the CA with their records: every certificate is in issued.jsonl before it is handed out. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { hasRelayRole, identityOf } from '../../core/credentials/certificate.ts';
import { Problem } from '../../core/errors.ts';
import { type Authority, certifyIntermediate, markOf, requireRole, roleOf } from '../x509/authority.ts';
import { type IssueOptions, issueCertificate } from '../issue.ts';
import { certificateOf, describeIssued, holderKind, type Issued, revocationsOf, stateOf } from './issued.ts';
import { changeIssued, readIssued, readLists, writeNextCrl } from './records.ts';
import { makeRevocationList, type RevocationReason } from '../revocation/revocation-list.ts';
import type { Store } from './store.ts';
import { authorityProfile, rootProfile } from '../x509/profiles.ts';

/** @throws Problem as {@link issueCertificate}, `ca-busy`, `unwritable-file` */
export async function issue(store: Store, authority: Authority, options: IssueOptions): Promise<X509Certificate> {
  const certificate = await issueCertificate(options, authority);
  const entry = describeIssued(certificate, options, authority.certificate, options.now);
  await changeIssued(store, (entries) => [...entries, entry]);
  return certificate;
}

/**
 * Certifies the key of an intermediate CA, under the name `ca-` with the mark of its key.
 * @throws Problem `wrong-ca`, `expired-authority`, `ca-busy`, `unwritable-file`
 */
export async function issueIntermediate(
  store: Store,
  root: Authority,
  { publicKey, now, days }: Pick<IssueOptions, 'publicKey' | 'now' | 'days'>,
): Promise<X509Certificate> {
  requireRole(root.certificate, 'root');
  const certificate = await certifyIntermediate(root, publicKey, now, days);
  const holder = { kind: 'intermediate', name: intermediateName(publicKey) } as const;
  const entry = describeIssued(certificate, holder, root.certificate, now);
  await changeIssued(store, (entries) => [...entries, entry]);
  return certificate;
}

/** The name of an intermediate CA on a root. */
export function intermediateName(publicKey: KeyObject): string {
  return `ca-${markOf(publicKey)}`;
}

/**
 * A new certificate for the same key, name and role.
 * @throws Problem `revoked-certificate`, `wrong-ca`, and as {@link issue}
 */
export function renew(
  store: Store,
  authority: Authority,
  entry: Issued,
  when: Pick<IssueOptions, 'now' | 'days' | 'relay'>,
): Promise<X509Certificate> {
  const kind = holderKind(entry);
  if (stateOf(entry, when.now) === 'revoked') {
    const what = `the certificate of ${kind} ${entry.name} was revoked and cannot be renewed`;
    throw new Problem('revoked-certificate', what, 'issue one with a new key: “mco-deploy ca issue”');
  }
  const before = certificateOf(entry);
  const publicKey: KeyObject = before.publicKey;
  return issue(store, authority, {
    kind,
    name: entry.name,
    publicKey,
    ...when,
    relay: when.relay === true || hasRelayRole(before),
    applications: identityOf(before)?.applications ?? [],
  });
}

/** Marks certificates as revoked, and returns which: an earlier revocation keeps its date. */
export async function revoke(
  store: Store,
  serials: readonly string[],
  reason: RevocationReason,
  now: number,
): Promise<string[]> {
  const done: string[] = [];
  const at = new Date(now).toISOString();
  await changeIssued(store, (entries) =>
    entries.map((entry) => {
      if (!serials.includes(entry.serial) || entry.revoked !== undefined) return entry;
      done.push(entry.serial);
      return { ...entry, revoked: { at, reason } };
    }),
  );
  return done;
}

/**
 * Serials that are marked as revoked and missing in the stored lists: a revocation was cut off before its list was
 * made.
 */
export async function findUnlisted(store: Store): Promise<string[]> {
  const lists = await readLists(store);
  const entries = await readIssued(store);
  return store.holders.flatMap(({ certificate: { fingerprint256 } }) =>
    revocationsOf(entries, fingerprint256)
      .map(({ serial }) => serial)
      .filter((serial) => !lists.some((list) => list.issuerFingerprint === fingerprint256 && list.isRevoked(serial))),
  );
}

/**
 * Makes the next list of each authority, all under one number, and stores them as crl.pem. Expired certificates stay on
 * it: a node whose clock is wrong would accept them again.
 * @param when days until the next one is due: by default the profile's
 * @returns the PEM
 */
export function listRevoked(
  store: Store,
  authorities: readonly Authority[],
  { now, days = crlDaysOf(store) }: { readonly now: number; readonly days?: number },
): Promise<string> {
  return writeNextCrl(store, (number, entries) => {
    const lists = authorities.map((authority) => {
      const revoked = revocationsOf(entries, authority.certificate.fingerprint256);
      return makeRevocationList({ revoked, number, now, days }, authority);
    });
    return lists.join('');
  });
}

function crlDaysOf({ certificate }: Store): number {
  return (roleOf(certificate) === 'root' ? rootProfile : authorityProfile).crlDays;
}

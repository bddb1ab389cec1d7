import { defineMutex } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import type { LiveCredentials } from '../../core/credentials/live-credentials.ts';
import type { CrlKeeper, RevocationListInfo } from '../../core/ports.ts';
import { type Crl, crlLabel, readCrls, signersPem } from './crl.ts';
import { writeWhole } from '../store/files.ts';
import { encodePem } from '../x509/pem.ts';
import { listsOf, newest } from './revocations.ts';

/**
 * Accepts newer revocation lists from any caller: a trusted CA must have signed them, and no revocation is dropped. So
 * the worst that a hostile caller with that right can do is to deliver the right list.
 */
export function startCrlKeeper(file: string, credentials: LiveCredentials): CrlKeeper {
  const current = () => listsOf(credentials.revocations());
  const mutex = defineMutex();

  const install: CrlKeeper['install'] = async (pem, dryRun) => {
    const { trust, credentials: own } = credentials.current();
    const authorities = [...trust.authorities, ...(own.issuers ?? [])];
    const delivered = readCrls(pem, authorities);
    const before = current();
    const next = newest([...before, ...delivered]);
    const changed = next.some((list) => !before.includes(list));
    if (!changed) requireTaken(delivered, next);
    if (changed && !dryRun) {
      const lists = next.map(({ raw }) => encodePem(raw, crlLabel)).join('');
      const content = `${lists}${signersPem(next, authorities)}`;
      await writeWhole({ path: file, content, mode: 0o644, replace: true });
      await credentials.reload();
      requireInForce(next, current(), credentials.warnings());
    }
    return { changed, lists: next.map(listInfo) };
  };
  return {
    status: () => current().map(listInfo),
    install: (pem, dryRun) => mutex(() => install(pem, dryRun)),
  };
}

/** The caller of a list that does not take effect should know why: the CA's numbers may have started again. */
function requireTaken(delivered: readonly Crl[], inForce: readonly Crl[]): void {
  for (const one of delivered) {
    const current = inForce.find(({ issuerFingerprint }) => issuerFingerprint === one.issuerFingerprint);
    if (current === undefined || current.raw.equals(one.raw)) continue;
    const message = `list ${nameOf(one)} is not newer than list ${nameOf(current)}, which is in force here`;
    throw new Problem('old-crl', message, 'send the newest: “mco-deploy ca crl” creates one');
  }
}

function nameOf({ number, thisUpdate }: Crl): string {
  return `${number} of ${new Date(thisUpdate).toISOString()}`;
}

function requireInForce(required: readonly Crl[], current: readonly Crl[], warnings: readonly string[]): void {
  if (required.every((list) => current.some(({ raw }) => raw.equals(list.raw)))) return;
  throw new Problem('not-in-force', `the list was written, but is not in force: ${warnings.join('; ')}`);
}

/** The properties of a list that are reported. */
export function listInfo({ issuerFingerprint, number, thisUpdate, nextUpdate, size }: Crl): RevocationListInfo {
  return {
    issuer: issuerFingerprint,
    number,
    this_update: new Date(thisUpdate).toISOString(),
    next_update: new Date(nextUpdate).toISOString(),
    revoked: size,
  };
}

/** One CA replaces another: both are trusted until that is finished. */
import type { X509Certificate } from 'node:crypto';
import { Problem } from '../core/errors.ts';
import { listNames } from '../core/text.ts';
import type { Authority } from './x509/authority.ts';
import { crlLabel } from './revocation/crl.ts';
import { removeFile } from './store/files.ts';
import { type Issued, stateOf } from './store/issued.ts';
import { withLock } from './store/lock.ts';
import { formatPrivateKey } from './x509/private-key.ts';
import { intermediateName } from './store/ledger.ts';
import { readLists, readRootLists, readStoredCrl } from './store/records.ts';
import type { Holder, Store } from './store/store.ts';
import { orphanKeys, removeRemains, succeed } from './store/succession.ts';
import { decodePem } from './x509/pem.ts';

/**
 * Moves the CA into previous/ and puts a new one in its place. {@link endSuccession} marks the rest as done.
 * @param above the CAs above the new one, its root last
 * @throws Problem `unwritable-file`, `ca-busy`
 */
export function beginRollover(
  { directory }: Store,
  fresh: Authority,
  passphrase: string,
  above: readonly X509Certificate[] = [],
): Promise<void> {
  const key = formatPrivateKey(fresh.key, passphrase);
  const certificate = [fresh.certificate, ...above].map(String).join('');
  return withLock(directory, () => succeed(directory, { key, certificate }));
}

/**
 * The holders that would be locked out if the CAs before this one were no longer trusted: `node NAME`, `operator NAME`.
 */
function leftBehind(store: Store, entries: readonly Issued[], now: number): string[] {
  const holder = ({ kind, name }: Issued) => `${kind} ${name}`;
  const valid = entries.filter((entry) => stateOf(entry, now) === 'valid');
  const current = store.certificate.fingerprint256;
  const renewed = new Set(valid.filter(({ issuer }) => issuer === current).map(holder));
  const old = new Set(valid.filter(({ issuer }) => issuer !== current).map(holder));
  return [...old].filter((name) => !renewed.has(name)).sort();
}

/**
 * Ends the trust in the CAs before this one: their keys are gone after that.
 * @returns how many there were
 * @throws Problem `still-needed` with the holders that have no certificate of the new CA yet, `root-vouches`
 */
export async function finishRollover(store: Store, entries: readonly Issued[], now: number): Promise<number> {
  const waiting = leftBehind(store, entries, now);
  if (waiting.length > 0) {
    const what = `the CA before this one is still needed by ${listNames(waiting, 5)}`;
    throw new Problem('still-needed', what, 'renew them first, or revoke them');
  }
  const previous: readonly Holder[] = store.holders.slice(1);
  await requireUnvouched(store, previous);
  return withLock(store.directory, async () => {
    // The certificate first: a CA that is trusted has its key, and a key without a CA is removed by the next command.
    for (const { certificateFile } of previous) await removeFile(certificateFile);
    for (const { keyFile } of previous) await removeFile(keyFile);
    await removeRemains(store.directory);
    return previous.length;
  });
}

/** The root that stays trusted must have revoked the CAs that it signed and that are removed here. */
async function requireUnvouched(store: Store, previous: readonly Holder[]): Promise<void> {
  const root = store.holders[0].above.at(-1);
  const lists = await readRootLists(store);
  for (const { certificate, above } of previous) {
    const [issuer] = above;
    if (root === undefined || issuer === undefined || above.at(-1)?.fingerprint256 !== root.fingerprint256) continue;
    const [list] = lists.filter(({ issuerFingerprint }) => issuerFingerprint === issuer.fingerprint256);
    if (list?.isRevoked(certificate.serialNumber)) continue;
    const name = intermediateName(certificate.publicKey);
    const revoke = `on the root, run “mco-deploy ca revoke ${name} --reason superseded”`;
    const hint = `${revoke}; copy its crl.pem here: “mco-deploy ca accept crl.pem”`;
    throw new Problem('root-vouches', `the root still vouches for the CA before this one, ${name}`, hint);
  }
}

/** Whether trust in a CA was ended and its key or its list still exists. */
export async function isFinishCutOff(store: Store): Promise<boolean> {
  if ((await orphanKeys(store.directory)).length > 0) return true;
  const blocks = decodePem((await readStoredCrl(store)) ?? '', crlLabel).length;
  return blocks > (await readLists(store)).length;
}

/** One CA taking over from another: both are trusted until it is finished. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../core/errors.ts';
import type { Authority } from './x509/authority.ts';
import { makeDirectory, readIfThere, writeWhole } from './store/files.ts';
import { type Issued, stateOf } from './store/issued.ts';
import { keyIdOf } from './x509/keys.ts';
import { withLock } from './store/lock.ts';
import { formatPrivateKey } from './x509/private-key.ts';
import { type Holder, pathsIn, type Store } from './store/store.ts';

/**
 * Puts the CA into previous/ and a new one in its place.
 * @throws Problem `unwritable-file`, `ca-busy`
 */
export function beginRollover(store: Store, fresh: Authority, passphrase: string): Promise<void> {
  const paths = pathsIn(store.directory);
  return withLock(store.directory, async () => {
    const kept = join(paths.previous, keyIdOf(store.certificate.publicKey).slice(0, 8));
    await makeDirectory(paths.previous, 0o700);
    // Copies, and never over one that is there: whatever happens now, the old key is still on the disk.
    const key = (await readIfThere(paths.key)) ?? '';
    await writeWhole({ path: `${kept}.key`, content: key, mode: 0o600, replace: false });
    await writeWhole({ path: `${kept}.crt`, content: store.certificate.toString(), mode: 0o644, replace: false });
    await writeWhole({ path: paths.key, content: formatPrivateKey(fresh.key, passphrase), mode: 0o600, replace: true });
    const certificate = fresh.certificate.toString();
    await writeWhole({ path: paths.certificate, content: certificate, mode: 0o644, replace: true });
  });
}

/** Who would be locked out if the CAs before this one were no longer trusted: `node NAME`, `operator NAME`. */
export function leftBehind(store: Store, entries: readonly Issued[], now: number): string[] {
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
 * @throws Problem `still-needed` with who has no certificate of the new CA yet
 */
export function finishRollover(store: Store, entries: readonly Issued[], now: number): Promise<number> {
  const waiting = leftBehind(store, entries, now);
  if (waiting.length > 0) {
    const what = `the CA before this one is still needed by ${waiting.slice(0, 5).join(', ')}`;
    const more = waiting.length > 5 ? ` and ${waiting.length - 5} more` : '';
    throw new Problem('still-needed', `${what}${more}`, 'renew them first, or revoke them');
  }
  const previous: readonly Holder[] = store.holders.slice(1);
  return withLock(store.directory, async () => {
    for (const { certificateFile, keyFile } of previous) {
      await rm(certificateFile, { force: true });
      await rm(keyFile, { force: true });
    }
    return previous.length;
  });
}

/**
 * How a CA is put in place on the disk, or replaces another: in steps, each of which a kill or a power cut may precede.
 */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { removeAbandonedDrafts } from '../../core/files/draft.ts';
import { keyIdOf } from '../x509/keys.ts';
import { makeDirectory, moveFile, removeFile, writeWhole } from './files.ts';
import { namesIn, readIfThere } from '../../core/files/if-there.ts';
import { withLock } from './lock.ts';
import { pathsIn } from './paths.ts';

/** The files of a new CA. */
export interface Successor {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
}

/** Decides for a successor, and puts it in place. Call this under the lock. @throws Problem `unwritable-file` */
export async function succeed(directory: string, { key, certificate }: Successor): Promise<void> {
  const paths = pathsIn(directory);
  await removeRemains(directory);
  await writeWhole({ path: paths.nextKey, content: key, mode: 0o600, replace: true });
  await writeWhole({ path: paths.nextCertificate, content: certificate, mode: 0o644, replace: true });
  await putInPlace(directory);
}

/** Whether a rollover was decided and not yet completed. */
export async function isRollingOver(directory: string): Promise<boolean> {
  return (await readIfThere(pathsIn(directory).nextCertificate)) !== undefined;
}

/** Completes what was cut off, so that key and certificate belong together. @throws Problem `unwritable-file`, `ca-busy` */
export async function completeSuccession(directory: string): Promise<void> {
  const { nextCertificate, certificate } = pathsIn(directory);
  const next = await readIfThere(nextCertificate);
  if (next === undefined || next === (await readIfThere(certificate))) return;
  await withLock(directory, () => putInPlace(directory));
}

/** Marks a rollover as completed. */
export function endSuccession(directory: string): Promise<void> {
  return withLock(directory, () => removeFile(pathsIn(directory).nextCertificate));
}

async function putInPlace(directory: string): Promise<void> {
  const paths = pathsIn(directory);
  const next = await readIfThere(paths.nextCertificate);
  const current = await readIfThere(paths.certificate);
  if (next === undefined || next === current) return;
  if ((await readIfThere(paths.nextKey)) !== undefined) {
    // The old key is copied first: whatever happens from here on, it is still on the disk.
    if (current !== undefined) await keepPrevious(directory, current);
    await moveFile(paths.nextKey, paths.key);
  }
  await writeWhole({ path: paths.certificate, content: next, mode: 0o644, replace: true });
}

async function keepPrevious(directory: string, certificate: string): Promise<void> {
  const paths = pathsIn(directory);
  const kept = join(paths.previous, keyIdOf(new X509Certificate(certificate).publicKey).slice(0, 8));
  const key = (await readIfThere(paths.key)) ?? '';
  await makeDirectory(paths.previous, 0o700);
  await writeWhole({ path: `${kept}.key`, content: key, mode: 0o600, replace: true });
  await writeWhole({ path: `${kept}.crt`, content: certificate, mode: 0o644, replace: true });
}

/** Keys of previous CAs whose certificates are gone: nothing trusts what they sign. */
export async function orphanKeys(directory: string): Promise<string[]> {
  const { previous } = pathsIn(directory);
  const names = await namesIn(previous);
  const orphans = names.filter((name) => name.endsWith('.key') && !names.includes(name.replace(/key$/, 'crt')));
  return orphans.map((name) => join(previous, name));
}

/** Removes private keys that a killed program left and nothing needs. Call this under the lock. */
export async function removeRemains(directory: string): Promise<void> {
  const paths = pathsIn(directory);
  removeAbandonedDrafts(directory);
  removeAbandonedDrafts(paths.previous);
  if (await isRollingOver(directory)) return;
  if ((await readIfThere(paths.nextKey)) !== undefined) await removeFile(paths.nextKey);
  for (const orphan of await orphanKeys(directory)) await removeFile(orphan);
}

import type { KeyObject, X509Certificate } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, Problem } from '../core/errors.ts';
import { syncDirectory } from '../core/files/durable.ts';
import type { Identity } from '../core/identity.ts';
import { makeDirectory, writeWhole } from './store/files.ts';
import { readIfThere } from '../core/files/if-there.ts';
import { formatPrivateKey } from './x509/private-key.ts';
import { startingFiles } from './starting-files.ts';
import { type ArchiveEntry, packArchive } from './tar.ts';

/** The files for a holder. */
export interface CredentialDelivery {
  readonly kind: Identity['kind'];
  readonly name: string;
  readonly certificate: X509Certificate;
  /** PEM of the intermediate CAs between it and a root; empty where there are none. */
  readonly issuers: string;
  /** Absent when the holder has made its own key. */
  readonly key?: KeyObject;
  /** PEM of all CAs to trust. */
  readonly ca: string;
  readonly crl?: string;
  /** Whether an archive also contains an initial configuration: not if one is in use already. */
  readonly starting: boolean;
}

/** The destination: a directory with files, or one archive that also has an initial configuration. */
export interface DeliveryTarget {
  readonly form: 'directory' | 'bundle';
  readonly path: string;
  readonly replace: boolean;
  /** What to do about a file that is there (default: to replace it with --force, too). */
  readonly whenTaken?: string;
}

/** The names under which the configuration looks for them. */
function credentialFiles({ kind, certificate, issuers, key, ca, crl }: CredentialDelivery): ArchiveEntry[] {
  return [
    ...(key === undefined ? [] : [{ path: `${kind}.key`, mode: 0o600, content: formatPrivateKey(key) }]),
    { path: `${kind}.crt`, mode: 0o644, content: `${certificate}${issuers}` },
    { path: 'ca.crt', mode: 0o644, content: ca },
    ...(crl === undefined ? [] : [{ path: 'crl.pem', mode: 0o644, content: crl }]),
  ];
}

/**
 * Refuses early, so that nothing is issued that could not be written. In a directory, a newer crl.pem replaces the old
 * one; another CA does not.
 * @throws Problem `file-exists`
 */
export async function requireFree(
  target: DeliveryTarget,
  what: Pick<CredentialDelivery, 'kind' | 'ca'>,
  withKey: boolean,
): Promise<void> {
  if (target.replace || (await isIncomplete(target, what))) return;
  const names = withKey ? [`${what.kind}.key`, `${what.kind}.crt`] : [`${what.kind}.crt`];
  const paths = target.form === 'bundle' ? [target.path] : names.map((name) => join(target.path, name));
  for (const path of paths) {
    if (await isThere(path)) throw taken(target, path, 'exists already');
  }
  const ca = join(target.path, 'ca.crt');
  const known = target.form === 'directory' ? await readIfThere(ca) : undefined;
  if (known !== undefined && known !== what.ca) throw taken(target, ca, 'is of another CA');
}

/** @returns the files written. @throws Problem `file-exists`, `unwritable-file` */
export async function deliver(delivery: CredentialDelivery, target: DeliveryTarget, now: number): Promise<string[]> {
  const files = credentialFiles(delivery);
  if (target.form === 'directory') {
    await makeDirectory(target.path, 0o755);
    const again = await isIncomplete(target, delivery);
    const marker = markerOf(target, delivery);
    await writeWhole({ path: marker, content: '', mode: 0o600, replace: true });
    let isBegun = again;
    try {
      for (const { path, mode, content } of files) {
        const replace = target.replace || again || !path.startsWith(delivery.kind);
        await writeWhole({ path: join(target.path, path), content, mode, replace });
        isBegun = true;
      }
    } catch (error) {
      // What is there is another command's: the next one must not take it for a leftover of this one.
      if (!isBegun) await rm(marker, { force: true });
      throw error;
    }
    await rm(marker, { force: true });
    await syncDirectory(target.path);
    return files.map(({ path }) => join(target.path, path));
  }
  const starting = delivery.starting ? startingFiles(delivery) : [];
  const content = await packArchive([...files, ...starting], now);
  await makeDirectory(dirname(target.path), 0o755);
  await writeWhole({ path: target.path, content, mode: 0o600, replace: target.replace });
  return [target.path];
}

/** Exists while the files of a holder are written: leftovers of a command that was cut off may be replaced. */
function markerOf({ path }: DeliveryTarget, { kind }: Pick<CredentialDelivery, 'kind'>): string {
  return join(path, `.${kind}.incomplete`);
}

async function isIncomplete(target: DeliveryTarget, what: Pick<CredentialDelivery, 'kind'>): Promise<boolean> {
  return target.form === 'directory' && (await isThere(markerOf(target, what)));
}

function taken({ whenTaken = 'move it away, or replace it with --force' }: DeliveryTarget, path: string, why: string) {
  return new Problem('file-exists', `${path} ${why}`, whenTaken);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ENOENT';
  }
}

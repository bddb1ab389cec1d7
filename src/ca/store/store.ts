import type { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { type Authority, parseAuthority, realmOf } from '../x509/authority.ts';
import { makeDirectory, readIfThere, removeFile, writeWhole } from './files.ts';
import { withLock } from './lock.ts';
import { pathsIn } from './paths.ts';
import { completeSuccession, succeed } from './succession.ts';
import { formatPrivateKey, isEncrypted, parsePrivateKey } from '../x509/private-key.ts';

/**
 * A CA on disk, its key still closed. In its directory (0700): ca.crt, ca.key (0600), issued.jsonl, crl.pem, crl-number,
 * and in previous/ the CAs that it took over from, still trusted.
 */
export interface Store {
  readonly directory: string;
  readonly realm: string;
  readonly certificate: X509Certificate;
  /** Whether a passphrase is needed to open its key. */
  readonly encrypted: boolean;
  /** Where the CAs stand that are trusted: this one first. */
  readonly holders: readonly [Holder, ...Holder[]];
}

export interface Holder {
  readonly certificate: X509Certificate;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** @throws Problem `file-exists` when a CA is there already, `unwritable-file` */
export async function createStore(directory: string, authority: Authority, passphrase: string): Promise<void> {
  const paths = pathsIn(directory);
  await makeDirectory(directory, 0o700);
  await completeSuccession(directory);
  await withLock(directory, async () => {
    if ((await readPrevious(paths.previous)).length === 0) await removeFile(paths.nextCertificate);
    for (const path of [paths.certificate, paths.key]) {
      if ((await readIfThere(path)) === undefined) continue;
      throw new Problem('file-exists', `there is a CA in ${directory} already`, 'name another directory with --dir');
    }
    await writeWhole({ path: paths.issued, content: '', mode: 0o600, replace: true });
    await writeWhole({ path: paths.crlNumber, content: '0\n', mode: 0o600, replace: true });
    const certificate = authority.certificate.toString();
    await succeed(directory, { key: formatPrivateKey(authority.key, passphrase), certificate });
    await removeFile(paths.nextCertificate);
  });
}

/** @throws Problem `no-ca`, `bad-ca`, `unreadable-file` */
export async function openStore(directory: string): Promise<Store> {
  const paths = pathsIn(directory);
  await completeSuccession(directory);
  const text = await readIfThere(paths.certificate);
  if (text === undefined) {
    throw new Problem('no-ca', `there is no CA in ${directory}`, 'create one with “mco-deploy ca init --realm REALM”');
  }
  const certificate = parseAuthority(text, paths.certificate);
  const key = (await readIfThere(paths.key)) ?? '';
  const current = { certificate, certificateFile: paths.certificate, keyFile: paths.key };
  return {
    directory,
    realm: realmOf(certificate, paths.certificate),
    certificate,
    encrypted: isEncrypted(key),
    holders: [current, ...(await readPrevious(paths.previous))],
  };
}

/** @throws Problem `bad-passphrase`, `bad-key`, `unreadable-file`, `bad-ca` when key and certificate don't belong together */
export async function unlock({ realm }: Store, holder: Holder, passphrase: string): Promise<Authority> {
  const pem = await readIfThere(holder.keyFile);
  if (pem === undefined) throw new Problem('unreadable-file', `the key of the CA, ${holder.keyFile}, is missing`);
  const key = parsePrivateKey(pem, passphrase, holder.keyFile);
  if (!holder.certificate.checkPrivateKey(key)) {
    throw new Problem(
      'bad-ca',
      `${holder.keyFile} is not the key of ${holder.certificateFile}`,
      'restore it from previous/ or a backup',
    );
  }
  return { realm, certificate: holder.certificate, key };
}

/** The PEM of all trusted CAs, the one that issues first. */
export function trustedPem({ holders }: Store): string {
  return holders.map(({ certificate }) => certificate.toString()).join('');
}

async function readPrevious(directory: string): Promise<Holder[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const files = names.filter((name) => name.endsWith('.crt')).sort();
  return Promise.all(
    files.map(async (name) => {
      const certificateFile = join(directory, name);
      const text = (await readIfThere(certificateFile)) ?? '';
      const keyFile = certificateFile.replace(/\.crt$/, '.key');
      return { certificate: parseAuthority(text, certificateFile), certificateFile, keyFile };
    }),
  );
}

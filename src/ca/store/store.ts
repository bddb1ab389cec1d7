import type { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { type Authority, parseAuthority, realmOf } from '../x509/authority.ts';
import { makeDirectory, readIfThere, writeWhole } from './files.ts';
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

export const pathsIn = (directory: string) => ({
  certificate: join(directory, 'ca.crt'),
  key: join(directory, 'ca.key'),
  issued: join(directory, 'issued.jsonl'),
  crl: join(directory, 'crl.pem'),
  crlNumber: join(directory, 'crl-number'),
  previous: join(directory, 'previous'),
});

/** @throws Problem `file-exists` when a CA is there already, `unwritable-file` */
export async function createStore(directory: string, authority: Authority, passphrase: string): Promise<void> {
  const paths = pathsIn(directory);
  await makeDirectory(directory, 0o700);
  if ((await readIfThere(paths.certificate)) !== undefined) {
    throw new Problem('file-exists', `there is a CA in ${directory} already`, 'name another directory with --dir');
  }
  const key = formatPrivateKey(authority.key, passphrase);
  // The key first: whoever makes a CA here at the same time loses before a certificate is there.
  await writeWhole({ path: paths.key, content: key, mode: 0o600, replace: false });
  await writeWhole({ path: paths.issued, content: '', mode: 0o600, replace: false });
  await writeWhole({ path: paths.certificate, content: authority.certificate.toString(), mode: 0o644, replace: false });
}

/** @throws Problem `no-ca`, `bad-ca`, `unreadable-file` */
export async function openStore(directory: string): Promise<Store> {
  const paths = pathsIn(directory);
  const text = await readIfThere(paths.certificate);
  if (text === undefined) {
    throw new Problem('no-ca', `there is no CA in ${directory}`, 'make one with “mco-deploy ca init --realm REALM”');
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
  if (pem === undefined) throw new Problem('unreadable-file', `the key of the CA, ${holder.keyFile}, is not there`);
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

import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { type Authority, parseChain, realmOf } from '../x509/authority.ts';
import { makeDirectory, removeFile, writeWhole } from './files.ts';
import { exposed, requirePrivate } from '../../core/credentials/private-file.ts';
import { namesIn, readIfThere } from '../../core/files/if-there.ts';
import { withLock } from './lock.ts';
import { pathsIn } from './paths.ts';
import { completeSuccession, succeed } from './succession.ts';
import { formatPrivateKey, isEncrypted, parsePrivateKey } from '../x509/private-key.ts';

/**
 * A CA on disk, its key still closed. In its directory (0700): ca.crt, ca.key (0600), issued.jsonl, crl.pem,
 * crl-number, and in previous/ the CAs that it replaced, still trusted. If a root is above it, ca.crt has the chain to
 * that root, and root-crl.pem the lists of the CAs above it.
 */
export interface Store {
  readonly directory: string;
  readonly realm: string;
  readonly certificate: X509Certificate;
  /** Whether a passphrase is needed to open its key. */
  readonly encrypted: boolean;
  /** The paths of the trusted CAs: this one first. */
  readonly holders: readonly [Holder, ...Holder[]];
}

export interface Holder {
  readonly certificate: X509Certificate;
  /** The CAs above it, its root last; none when it is a root. */
  readonly above: readonly X509Certificate[];
  readonly certificateFile: string;
  readonly keyFile: string;
}

/**
 * @param above the CAs above it, its root last
 * @throws Problem `file-exists` when a CA is there already, `unwritable-file`
 */
export async function createStore(
  directory: string,
  authority: Authority,
  passphrase: string,
  above: readonly X509Certificate[] = [],
): Promise<void> {
  const paths = pathsIn(directory);
  await makeDirectory(directory, 0o700);
  await completeSuccession(directory);
  await withLock(directory, async () => {
    if ((await readPrevious(paths.previous)).length === 0) await removeFile(paths.nextCertificate);
    await requireNoCa(directory);
    await writeWhole({ path: paths.issued, content: '', mode: 0o600, replace: true });
    await writeWhole({ path: paths.crlNumber, content: '0\n', mode: 0o600, replace: true });
    const certificate = [authority.certificate, ...above].map(String).join('');
    await succeed(directory, { key: formatPrivateKey(authority.key, passphrase), certificate });
    await removeFile(paths.nextCertificate);
  });
}

/** @throws Problem `file-exists` */
export async function requireNoCa(directory: string): Promise<void> {
  const { certificate, key } = pathsIn(directory);
  for (const path of [certificate, key]) {
    if ((await readIfThere(path)) === undefined) continue;
    throw new Problem('file-exists', `there is a CA in ${directory} already`, 'name another directory with --dir');
  }
}

/** @throws Problem `no-ca`, `bad-ca`, `unreadable-file` */
export async function openStore(directory: string): Promise<Store> {
  const paths = pathsIn(directory);
  await completeSuccession(directory);
  const text = await readIfThere(paths.certificate);
  if (text === undefined) {
    const isRequested = (await readIfThere(paths.request)) !== undefined;
    const signed = `have a root sign ${paths.request}, then take what it wrote: “mco-deploy ca accept FILE”`;
    const hint = isRequested ? signed : 'create one with “mco-deploy ca init --realm REALM”';
    throw new Problem('no-ca', `there is no CA in ${directory}`, hint);
  }
  const [certificate, ...above] = parseChain(text, paths.certificate);
  const key = (await readIfThere(paths.key)) ?? '';
  const current = { certificate, above, certificateFile: paths.certificate, keyFile: paths.key };
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
  requirePrivate(exposed(holder.keyFile));
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

/** The PEM of all trusted roots, the one above the CA that issues first. */
export function trustedPem({ holders }: Store): string {
  const roots = holders.map(({ certificate, above }) => (above.at(-1) ?? certificate).toString());
  return [...new Set(roots)].join('');
}

/** The PEM of the CAs between this CA's certificates and its root: they follow the certificate in its file. */
export function issuersPem({ holders: [{ certificate, above }] }: Store): string {
  return above.length === 0 ? '' : [certificate, ...above.slice(0, -1)].map(String).join('');
}

/** All CAs in this directory: those that replaced each other, and those above them. */
export function knownAuthorities({ holders }: Store): X509Certificate[] {
  return holders.flatMap(({ certificate, above }) => [certificate, ...above]);
}

async function readPrevious(directory: string): Promise<Holder[]> {
  const names = await namesIn(directory);
  const files = names.filter((name) => name.endsWith('.crt')).sort();
  return Promise.all(
    files.map(async (name) => {
      const certificateFile = join(directory, name);
      const text = (await readIfThere(certificateFile)) ?? '';
      const keyFile = certificateFile.replace(/\.crt$/, '.key');
      const [certificate, ...above] = parseChain(text, certificateFile);
      return { certificate, above, certificateFile, keyFile };
    }),
  );
}

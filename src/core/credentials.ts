import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Credentials } from './caller.ts';
import { identityOf, parseCertificate, proveCertificate, type Trust } from './certificate.ts';
import { errnoOf, explainErrno, Problem } from './errors.ts';
import type { Identity } from './identity.ts';
import type { TlsState } from './ports.ts';

/** Absolute paths of what proves one side to the other. */
export interface CredentialFiles {
  readonly certificate: string;
  readonly key: string;
  /** One or more CA certificates (PEM). */
  readonly ca: string;
  /** A CRL (PEM); it may be absent. */
  readonly crl: string;
}

/** Reads a CRL that one of the authorities signed: what `ca` offers, loaded only when there is a CRL. */
export type ReadRevocations = (
  pem: string,
  authorities: readonly X509Certificate[],
) => Promise<{ readonly isRevoked: Trust['isRevoked']; readonly warning?: string }>;

/** Credentials and trust, and what a keeper should be warned of. */
export interface LoadedCredentials extends TlsState {
  readonly warnings: readonly string[];
}

/** Days before the end of a certificate from which its keeper is warned. */
const warningDays = 30;

/**
 * Reads certificate, key, CA and CRL, and checks that they belong together and are valid now.
 * @throws Problem `unreadable-file`, `bad-certificate`, `bad-key`, or as {@link proveCertificate}
 */
export async function loadCredentials(
  files: CredentialFiles,
  kind: Identity['kind'],
  readRevocations: ReadRevocations,
  now: number,
): Promise<LoadedCredentials> {
  const [certificateText, keyText, caText, crlText] = await Promise.all([
    read(files.certificate, 'certificate'),
    read(files.key, 'private key'),
    read(files.ca, "fleet's CA certificate"),
    readIfThere(files.crl, 'revocation list'),
  ]);
  const certificate = named(files.certificate, () => parseCertificate(certificateText));
  const authorities = pemBlocks(caText).map((pem) => named(files.ca, () => parseCertificate(pem)));
  const identity = identityOf(certificate);
  if (identity === undefined) {
    throw new Problem(
      'bad-certificate',
      `${files.certificate} names no mco-deploy identity`,
      'issue it by “mco-deploy ca issue”',
    );
  }
  const revocations = crlText === undefined ? undefined : await readRevocations(crlText, authorities);
  const isRevoked = revocations?.isRevoked ?? (() => false);
  const trust: Trust = { realm: identity.realm, authorities, isRevoked };
  named(files.certificate, () => proveCertificate(certificate, kind, trust, now));
  const credentials: Credentials = { identity, certificate, key: readKey(files.key, keyText, certificate) };
  return { credentials, trust, warnings: warningsOf(certificate, revocations?.warning, now) };
}

function warningsOf(certificate: X509Certificate, crlWarning: string | undefined, now: number): string[] {
  const days = Math.floor((Date.parse(certificate.validTo) - now) / 86_400_000);
  const expiry = days < warningDays ? [`the certificate ends in ${days} days: renew it`] : [];
  return crlWarning === undefined ? expiry : [...expiry, crlWarning];
}

function readKey(file: string, pem: string, certificate: X509Certificate): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new Problem('bad-key', `${file} is no private key that can be read`, '', { cause });
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new Problem('bad-key', `the private key ${file} does not belong to the certificate beside it`);
  }
  return key;
}

async function read(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `the ${what} ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

async function readIfThere(file: string, what: string): Promise<string | undefined> {
  try {
    return await read(file, what);
  } catch (error) {
    if (error instanceof Problem && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts the file's name before what a check of its content has to say. */
function named<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, `${file}: ${error.message}`, error.hint, { cause: error });
  }
}

export function pemBlocks(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.length === 0 ? [text] : blocks;
}

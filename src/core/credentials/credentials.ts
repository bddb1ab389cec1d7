import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { errnoOf, explainErrno, Problem } from '../errors.ts';
import { readInput } from '../files/read-input.ts';
import type { Identity } from '../identity.ts';
import type { TlsState } from '../ports.ts';
import { count } from '../text.ts';
import { identityOf, parseCertificate } from './certificate.ts';
import { isRoot, missingLink, rememberIssuers } from './issuers.ts';
import { explainMisread } from './misread.ts';
import { exposed, requirePrivate } from './private-file.ts';
import { proveCertificate, type Trust } from './proof.ts';
import { type Credentials, unusableKey } from './signature.ts';

/** Absolute paths of the files by which one side proves itself to the other. */
export interface CredentialFiles {
  readonly certificate: string;
  readonly key: string;
  /** One or more CA certificates (PEM). */
  readonly ca: string;
  /** A CRL (PEM); it may be absent. */
  readonly crl: string;
  /** The list that calls delivered: it may be absent, or belong to a CA that is no longer trusted. */
  readonly delivered?: string;
}

/** The known revocations. */
export interface Revocations {
  readonly isRevoked: Trust['isRevoked'];
  /**
   * Warnings about lists that are overdue or soon will be, or older than those in force. @param now milliseconds since
   * the epoch
   */
  readonly warnings: (now: number) => readonly string[];
}

/**
 * Reads CRLs that the authorities signed: a part of `ca`, loaded only when there is a CRL. Of each CA the newest
 * counts.
 * @param before what is in force until now, and stays so where the files contain less
 * @param delivered a second text, in which lists of other CAs are skipped
 */
export type ReadRevocations = (
  pem: string | undefined,
  authorities: readonly X509Certificate[],
  before?: Revocations,
  delivered?: string,
) => Promise<Revocations>;

/** Credentials and trust, and warnings for their owner. */
export interface LoadedCredentials extends TlsState {
  readonly revocations: Revocations;
  /** @param now milliseconds since the epoch */
  readonly warnings: (now: number) => readonly string[];
}

/** Days before the end of a certificate from which its owner is warned. */
const warningDays = 30;

/** Bytes: the list of the revocations of a large fleet is the largest of these files. */
const largest = 16 * 1024 * 1024;

const nothingRevoked: Revocations = { isRevoked: () => false, warnings: () => [] };

/**
 * Reads certificate, key, CA and CRL, and checks that they belong together and are valid now.
 * @param before what is in force until now, of which no revocation is dropped
 * @throws Problem `unreadable-file`, `bad-certificate`, `bad-key`, `exposed-key`, or as {@link proveCertificate}
 */
export async function loadCredentials(
  files: CredentialFiles,
  kind: Identity['kind'],
  readRevocations: ReadRevocations,
  now: number,
  before?: Revocations,
): Promise<LoadedCredentials> {
  const open = exposed(files.key);
  if (kind === 'operator') requirePrivate(open);
  const [certificateText, keyText, caText, crlText, deliveredText] = await Promise.all([
    read(files.certificate, 'certificate'),
    read(files.key, 'private key'),
    read(files.ca, "fleet's CA certificate"),
    readIfThere(files.crl, 'revocation list'),
    files.delivered === undefined ? undefined : readIfThere(files.delivered, 'revocation list'),
  ]);
  const [certificate, ...issuers] = certificatesIn(files.certificate, certificateText);
  const authorities = certificatesIn(files.ca, caText);
  const identity = identityOf(certificate);
  if (identity === undefined) {
    throw new Problem(
      'bad-certificate',
      `${files.certificate} names no mco-deploy identity`,
      issuers.some((one) => identityOf(one) !== undefined)
        ? 'the certificate of its holder comes first, those of CAs after it'
        : 'issue one with “mco-deploy ca issue”',
    );
  }
  const link = missingLink(certificate, issuers, authorities, files);
  if (link !== undefined) throw new Problem('foreign-certificate', `${files.certificate}: ${link}`);
  rememberIssuers(issuers, { authorities });
  const hasList = crlText !== undefined || deliveredText !== undefined;
  const isGone = !hasList && before !== undefined && before !== nothingRevoked;
  const revocations = hasList
    ? await readRevocations(crlText, [...authorities, ...issuers], before, deliveredText).catch((cause) => {
        const lists = [crlText === undefined ? [] : files.crl, deliveredText === undefined ? [] : files.delivered];
        const text = crlText ?? deliveredText ?? '';
        throw withName(lists.flat().join(' or '), cause, /-BEGIN X509 CRL-/.test(text) ? '' : explainMisread(text));
      })
    : (before ?? nothingRevoked);
  const trust: Trust = { realm: identity.realm, authorities, isRevoked: revocations.isRevoked };
  named(files.certificate, () => proveCertificate(certificate, kind, trust, now));
  const credentials: Credentials = { identity, certificate, issuers, key: readKey(files.key, keyText, certificate) };
  const expiries = [
    expiryOf(certificate, 'the certificate', 'renew it'),
    ...[...issuers, ...authorities].map((one) => expiryOf(one, 'the CA’s certificate', successorOf(one))),
  ];
  const warnings = (at: number) => [
    ...expiries.flatMap((expiry) => expiry(at)),
    ...(open === undefined ? [] : [`${open.message}: ${open.fix}`]),
    ...(isGone ? [`${files.crl} is missing: its revocations stay in force until a restart; restore it`] : []),
    ...revocations.warnings(at),
  ];
  return { credentials, trust, revocations, warnings };
}

/**
 * A certificate for a job is short-lived on purpose: its owner is warned in its last third. @param lifetime
 * milliseconds
 */
function warningTime(lifetime: number): number {
  return lifetime <= 7 * 86_400_000 ? lifetime / 3 : warningDays * 86_400_000;
}

/** How a CA gets a successor. */
function successorOf(authority: X509Certificate): string {
  const more = isRoot(authority) ? '' : ' --intermediate';
  return `start one that takes over with “mco-deploy ca rollover${more}”`;
}

/** The warning about a certificate that ends soon, by the time. Its dates are read once: each description asks for it. */
function expiryOf(certificate: X509Certificate, what: string, remedy: string): (now: number) => string[] {
  const end = Date.parse(certificate.validTo);
  const warned = warningTime(end - Date.parse(certificate.validFrom));
  return (now) => {
    if (end - now >= warned) return [];
    const when = new Date(end).toISOString();
    const minutes = Math.floor((end - now) / 60_000);
    const hours = Math.floor(minutes / 60);
    const short = minutes < 120 ? count(minutes, 'minute') : count(hours, 'hour');
    const left = hours < 48 ? short : count(Math.floor(hours / 24), 'day');
    return [now > end ? `${what} ended on ${when}: ${remedy}` : `${what} ends in ${left} (${when}): ${remedy}`];
  };
}

function readKey(file: string, pem: string, certificate: X509Certificate): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new Problem('bad-key', `${file} is not a private key that can be read`, explainMisread(pem), { cause });
  }
  const unusable = unusableKey(key);
  if (unusable !== undefined) throw new Problem('bad-key', `${file} can't be used: ${unusable}`);
  if (!certificate.checkPrivateKey(key)) {
    throw new Problem('bad-key', `the private key ${file} does not match the certificate`);
  }
  return key;
}

async function read(file: string, what: string): Promise<string> {
  try {
    return (await readInput(file, largest)).toString('utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `the ${what} ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

async function readIfThere(file: string, what: string): Promise<string | undefined> {
  try {
    return await read(file, what);
  } catch (error) {
    // A link that leads nowhere is a list that went missing, not one that nobody made.
    const isMissing = error instanceof Problem && errnoOf(error.cause) === 'ENOENT';
    if (isMissing && lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    throw error;
  }
}

/** Puts the file's name before the message of a check of its content. */
function named<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw withName(file, error);
  }
}

/** @param hint if the check has none */
function withName(file: string, error: unknown, hint = ''): unknown {
  if (!(error instanceof Problem)) return error;
  return new Problem(error.code, `${file}: ${error.message}`, error.hint === '' ? hint : error.hint, { cause: error });
}

function certificatesIn(file: string, text: string): [X509Certificate, ...X509Certificate[]] {
  try {
    return pemBlocks(text).map(parseCertificate) as [X509Certificate, ...X509Certificate[]];
  } catch (error) {
    throw withName(file, error, explainMisread(text));
  }
}

export function pemBlocks(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.length === 0 ? [text] : blocks;
}

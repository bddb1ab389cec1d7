/** The file that a root writes for a CA below it: its certificate, the CAs above it, and their revocation lists. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { isIssuedBy, isRoot } from '../core/credentials/issuers.ts';
import { pathLengthOf } from '../core/credentials/path-length.ts';
import { Problem } from '../core/errors.ts';
import { crlLabel, sortCrls } from './revocation/crl.ts';
import { newest } from './revocation/revocations.ts';
import { writeWhole } from './store/files.ts';
import { withLock } from './store/lock.ts';
import { pathsIn } from './store/paths.ts';
import { formatLists, readRootLists } from './store/records.ts';
import type { Store } from './store/store.ts';
import { parseAuthority, realmOf } from './x509/authority.ts';
import { decodePem } from './x509/pem.ts';

/** A certificate from a root, and the CAs above it: its root last. */
export interface SignedCa {
  readonly certificate: X509Certificate;
  readonly above: readonly X509Certificate[];
}

/** The maximum number of CAs between a certificate and its root: as many as every check of a certificate follows. */
const deepest = 4;

/**
 * Finds the certificate of a key in a root's file, and the CAs above it.
 * @param keys of which one must belong to the certificate
 * @param file its name in a message
 * @returns undefined when the text contains no certificate at all
 * @throws Problem `no-request`, `bad-ca`, `expired-authority`
 */
export function readSigned(text: string, keys: readonly KeyObject[], file: string, now: number): SignedCa | undefined {
  const found = decodePem(text, 'CERTIFICATE').map((bytes) => readAuthority(bytes, file));
  if (found.length === 0) return undefined;
  const certificate = found.find(({ publicKey }) => keys.some((key) => key.equals(publicKey)));
  if (certificate === undefined) {
    const hint = 'use the file that “mco-deploy ca sign-intermediate” wrote for the request ca.csr of this CA';
    throw new Problem('no-request', `no certificate in ${file} is of a key that this CA has asked for`, hint);
  }
  const above = chainAbove(certificate, found, file);
  requireDepth(above, file);
  for (const one of [certificate, ...above]) requireValid(one, file, now);
  realmOf(certificate, file);
  return { certificate, above };
}

function readAuthority(bytes: Buffer, file: string): X509Certificate {
  let pem = '';
  try {
    pem = new X509Certificate(bytes).toString();
  } catch {}
  return parseAuthority(pem, `a certificate in ${file}`);
}

function chainAbove(certificate: X509Certificate, found: readonly X509Certificate[], file: string): X509Certificate[] {
  const above: X509Certificate[] = [];
  let last = certificate;
  while (!isRoot(last) && above.length <= deepest) {
    const issuer = found.find((one) => isIssuedBy(last, one));
    if (issuer === undefined) {
      const name = last.issuer.replaceAll('\n', ', ');
      throw new Problem('bad-ca', `${file} does not contain the CA “${name}”`, 'add its certificate to the file');
    }
    above.push(issuer);
    last = issuer;
  }
  if (above.length > 0) return above;
  throw new Problem('bad-ca', `the certificate in ${file} is self-signed`, 'let a root sign the request ca.csr');
}

function requireDepth(above: readonly X509Certificate[], file: string): void {
  if (above.length > deepest) throw new Problem('bad-ca', `more than ${deepest} CAs stand above the one in ${file}`);
  for (const [index, one] of above.entries()) {
    const most = pathLengthOf(one);
    if (most === undefined || most > index) continue;
    const name = one.subject.replaceAll('\n', ', ');
    const what = `the CA “${name}” in ${file} may have no more than ${most} CAs below it`;
    throw new Problem('bad-ca', what, 'let a CA sign the request whose pathLength is greater');
  }
}

function requireValid(certificate: X509Certificate, file: string, now: number): void {
  if (now >= Date.parse(certificate.validFrom) && now < Date.parse(certificate.validTo)) return;
  const name = certificate.subject.replaceAll('\n', ', ');
  const dates = [certificate.validFrom, certificate.validTo].map((date) => new Date(date).toISOString());
  throw new Problem('expired-authority', `the CA “${name}” in ${file} is valid from ${dates.join(' to ')} only`);
}

/**
 * Stores the lists of the CAs above, the newest of each.
 * @returns the number of lists in the file
 * @throws Problem `bad-crl`, `old-crl`, `unwritable-file`
 */
export async function takeRootLists(store: Store, text: string): Promise<number> {
  const above = store.holders.flatMap((holder) => holder.above);
  const delivered = decodePem(text, crlLabel).length === 0 ? [] : sortCrls(text, above).crls;
  return withLock(store.directory, async () => {
    const next = newest([...(await readRootLists(store)), ...delivered]);
    const older = delivered.find(({ raw }) => !next.some((one) => one.raw.equals(raw)));
    if (older !== undefined) {
      const what = `list ${older.number} of the root is older than the one that is kept here`;
      throw new Problem('old-crl', what, 'copy the newest one here: “mco-deploy ca crl” on the root creates it');
    }
    const path = pathsIn(store.directory).rootCrl;
    if (delivered.length > 0) await writeWhole({ path, content: formatLists(next), mode: 0o644, replace: true });
    return delivered.length;
  });
}

import { stat } from 'node:fs/promises';
import { type CredentialFiles, loadCredentials, type ReadRevocations } from './credentials.ts';
import { broken, doubtful, runCheck, type Finding, fine } from '../finding.ts';
import type { Identity } from '../identity.ts';
import type { TlsState } from '../ports.ts';
import { exposed } from './private-file.ts';

/** The credentials, if they are usable, and the findings about them. */
export interface CheckedCredentials {
  readonly findings: readonly Finding[];
  readonly state?: TlsState;
}

/**
 * Checks that certificate, key, CA and CRL exist, belong together and are valid, and that nobody else can read the key.
 * @param now milliseconds since the epoch
 */
export async function checkCredentials(
  files: CredentialFiles,
  kind: Identity['kind'],
  readRevocations: ReadRevocations,
  now: number,
): Promise<CheckedCredentials> {
  let state: TlsState | undefined;
  const fix =
    kind === 'node'
      ? 'see “mco-deploy enroll” and “mco-deploy ca sign”'
      : 'request one: “mco-deploy ca issue operator”';
  const certificate = await runCheck('certificate', fix, async () => {
    const loaded = await loadCredentials(files, kind, readRevocations, now);
    state = loaded;
    const { identity, certificate: own } = loaded.credentials;
    const until = new Date(own.validTo).toISOString().slice(0, 10);
    return [
      fine('certificate', `${identity.kind} ${identity.name} of ${identity.realm}, until ${until}; the key matches`),
      ...loaded.warnings(now).map((warning) => doubtful('certificate', warning, 'renew it before it expires')),
    ];
  });
  const key = await checkKeyFile(files.key);
  // Loading an open key warns, too; here it is a finding.
  const others = certificate.filter(({ what }) => !key.some((one) => what.startsWith(one.what)));
  const findings = [...others, ...key, ...(await checkCrlFile(files.crl))];
  return { findings, ...(state === undefined ? {} : { state }) };
}

async function checkKeyFile(file: string): Promise<readonly Finding[]> {
  const found = exposed(file);
  if (found !== undefined) return [broken('key', found.message, found.fix)];
  // The finding on the certificate already reports that it is missing.
  return (await stat(file).catch(() => undefined)) ? [fine('key', `no other user may use ${file}`)] : [];
}

async function checkCrlFile(file: string): Promise<readonly Finding[]> {
  if (await stat(file).catch(() => undefined)) return [fine('revocations', `${file} is there`)];
  const fix = 'create one with “mco-deploy ca crl” and copy it here';
  return [doubtful('revocations', `there is no ${file}: a revoked certificate would be accepted`, fix)];
}

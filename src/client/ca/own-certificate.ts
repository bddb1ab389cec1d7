import { dirname } from 'node:path';
import { deliver, requireFree } from '../../ca/delivery.ts';
import { startingFiles } from '../../ca/starting-files.ts';
import { writeWhole } from '../../ca/store/files.ts';
import { issue } from '../../ca/store/ledger.ts';
import { readStoredCrl } from '../../ca/store/records.ts';
import { issuersPem, requireNoCa, type Store, trustedPem } from '../../ca/store/store.ts';
import type { Authority } from '../../ca/x509/authority.ts';
import { makeKeyPair } from '../../ca/x509/keys.ts';
import { Problem } from '../../core/errors.ts';
import { defineIdentity } from '../../core/identity.ts';
import { clientConfigPath } from '../../library/config/config.ts';
import type { CliContext } from '../cli/context.ts';

/**
 * Checks, before a CA is made, that there is none yet, and no certificate in the operator’s own configuration.
 * @param directory of the CA
 * @throws Problem
 */
export async function requireRoom(
  operator: string,
  realm: string,
  directory: string,
  { env }: CliContext,
): Promise<void> {
  defineIdentity('operator', realm, operator);
  await requireNoCa(directory);
  await requireFree(placeIn(env), { kind: 'operator', ca: '' }, true);
}

/** Issues a certificate to the operator of this machine, with a configuration if there is none. @returns client.yaml */
export async function issueOwn(name: string, store: Store, authority: Authority, { env }: CliContext): Promise<string> {
  const { publicKey, privateKey: key } = makeKeyPair();
  const now = Date.now();
  const certificate = await issue(store, authority, { kind: 'operator', name, publicKey, now, relay: false });
  const crl = await readStoredCrl(store);
  const files = { certificate, issuers: issuersPem(store), key, ca: trustedPem(store) };
  const what = { kind: 'operator', name, ...files, starting: false } as const;
  await deliver({ ...what, ...(crl === undefined ? {} : { crl }) }, placeIn(env), now);
  const [start] = startingFiles({ kind: 'operator', name });
  const file = clientConfigPath(env);
  await writeWhole({ path: file, content: String(start?.content), mode: 0o644, replace: false }).catch(keepExisting);
  return file;
}

function keepExisting(error: unknown): void {
  if (!(error instanceof Problem) || error.code !== 'file-exists') throw error;
}

function placeIn(env: CliContext['env']) {
  const whenTaken = 'move it away, or leave out --operator to keep it';
  return { form: 'directory', path: dirname(clientConfigPath(env)), replace: false, whenTaken } as const;
}

/** A CA that requests its certificate from a root: its key is made here, and the root signs it on another machine. */
import type { KeyObject } from 'node:crypto';
import { defineIdentity } from '../core/identity.ts';
import { makeDirectory, removeFile, writeWhole } from './store/files.ts';
import { readIfThere } from '../core/files/if-there.ts';
import { withLock } from './store/lock.ts';
import { pathsIn } from './store/paths.ts';
import { markOf } from './x509/authority.ts';
import { keyPairOf, makeKeyPair } from './x509/keys.ts';
import { formatPrivateKey, parsePrivateKey } from './x509/private-key.ts';
import { fingerprintOf, keyOfRequest, makeCaRequest, realmOfRequest } from './x509/request.ts';

/** The request to a root. */
export interface CaRequest {
  /** The path of the request. */
  readonly file: string;
  readonly fingerprint: string;
  /** Whether the key was made now. */
  readonly fresh: boolean;
}

/**
 * Makes a key and a request for a CA. A key that waits for its certificate is kept, and requested again.
 * @throws Problem `bad-name`, `bad-passphrase`, `unwritable-file`, `ca-busy`
 */
export async function requestIntermediate(directory: string, realm: string, passphrase: string): Promise<CaRequest> {
  defineIdentity('node', realm, realm);
  const paths = pathsIn(directory);
  await makeDirectory(directory, 0o700);
  return withLock(directory, async () => {
    const kept = await readIfThere(paths.requestKey);
    const key = kept === undefined ? makeKeyPair().privateKey : parsePrivateKey(kept, passphrase, paths.requestKey);
    if (kept === undefined) {
      const content = formatPrivateKey(key, passphrase);
      await writeWhole({ path: paths.requestKey, content, mode: 0o600, replace: false });
    }
    const keys = keyPairOf(key);
    const content = await makeCaRequest(keys, `mco-deploy CA ${markOf(keys.publicKey)}`, realm);
    await writeWhole({ path: paths.request, content, mode: 0o644, replace: true });
    return { file: paths.request, fingerprint: fingerprintOf(keys.publicKey), fresh: kept === undefined };
  });
}

/** The requested key; undefined if there is none. @throws Problem `bad-passphrase`, `bad-key` */
export async function openRequestedKey(directory: string, passphrase: string): Promise<KeyObject | undefined> {
  const { requestKey } = pathsIn(directory);
  const pem = await readIfThere(requestKey);
  return pem === undefined ? undefined : parsePrivateKey(pem, passphrase, requestKey);
}

/**
 * The request that waits for its certificate; undefined if there is none. @throws Problem `bad-request-file`,
 * `bad-proof`
 */
export async function readRequest(
  directory: string,
): Promise<{ readonly publicKey: KeyObject; readonly realm: string | undefined } | undefined> {
  const { request } = pathsIn(directory);
  const by = 'mco-deploy ca init --intermediate';
  const pem = await readIfThere(request);
  if (pem === undefined) return undefined;
  return { publicKey: await keyOfRequest(pem, request, by), realm: realmOfRequest(pem, request, by) };
}

/** Ends a request that was answered. */
export function endRequest(directory: string): Promise<void> {
  const { requestKey, request } = pathsIn(directory);
  return withLock(directory, async () => {
    await removeFile(requestKey);
    await removeFile(request);
  });
}

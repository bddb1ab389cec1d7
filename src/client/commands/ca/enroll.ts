import type { KeyObject } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { makeDirectory, writeWhole } from '../../../ca/store/files.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { keyPairOf, makeKeyPair, requireP256 } from '../../../ca/x509/keys.ts';
import { formatPrivateKey, parsePrivateKey } from '../../../ca/x509/private-key.ts';
import { fingerprintOf, makeRequest } from '../../../ca/x509/request.ts';
import { defineIdentity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { homeOf } from '../../../library/config/home.ts';

export interface EnrollOptions {
  readonly operator?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Makes the key where it is used, so that it never travels; an existing key is kept and requested again. */
export async function enroll(typed: string | undefined, options: EnrollOptions, context: CliContext): Promise<void> {
  const kind = options.operator === true ? 'operator' : 'node';
  const name = typed ?? hostname().toLowerCase();
  // The CA defines the realm; here only the name is checked.
  defineIdentity(kind, 'localhost', name);
  const directory = resolve(options.out ?? defaultDirectory(kind, context));
  await makeDirectory(directory, kind === 'node' ? 0o755 : 0o700);
  const keyFile = join(directory, `${kind}.key`);
  const { key, fresh } = await keyIn(keyFile);
  const keys = keyPairOf(key);
  const request = join(directory, `${kind}.csr`);
  await writeWhole({ path: request, content: await makeRequest(keys, name), mode: 0o644, replace: true });
  const fingerprint = fingerprintOf(keys.publicKey);
  if (options.json === true) {
    context.out(JSON.stringify({ kind, name, key: keyFile, fresh, request, fingerprint }));
    return;
  }
  context.out(`${fresh ? 'made the key' : 'kept the key'} ${keyFile}`);
  context.out(`made the request ${request} for ${kind} ${name}`);
  context.out(`fingerprint of the key: ${fingerprint}`);
  context.out(`copy the request to the machine of the CA and sign it there:`);
  context.out(`  mco-deploy ca sign ${kind}.csr ${kind} ${name} --fingerprint ${fingerprint}`);
}

async function keyIn(path: string): Promise<{ key: KeyObject; fresh: boolean }> {
  const pem = await readIfThere(path);
  if (pem !== undefined) {
    const key = parsePrivateKey(pem, '', path);
    requireP256(key, path);
    return { key, fresh: false };
  }
  const { privateKey: key } = makeKeyPair();
  await writeWhole({ path, content: formatPrivateKey(key), mode: 0o600, replace: false });
  return { key, fresh: true };
}

function defaultDirectory(kind: 'node' | 'operator', { env }: CliContext): string {
  if (kind === 'node') return '/etc/mco-deploy';
  const config = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(homeOf(env), '.config');
  return join(config, 'mco-deploy');
}

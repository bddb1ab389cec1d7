import { endRequest, openRequestedKey, readRequest } from '../../../ca/ca-request.ts';
import { beginRollover } from '../../../ca/rollover.ts';
import { readSigned, type SignedCa, takeRootLists } from '../../../ca/signed-ca.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { listRevoked } from '../../../ca/store/ledger.ts';
import { pathsIn } from '../../../ca/store/paths.ts';
import { createStore, openStore, type Store, trustedPem } from '../../../ca/store/store.ts';
import { endSuccession } from '../../../ca/store/succession.ts';
import { realmOf, roleOf } from '../../../ca/x509/authority.ts';
import { isEncrypted } from '../../../ca/x509/private-key.ts';
import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { passphraseFor, unlockWith } from '../../ca/open.ts';
import { type CaOptions, caDirectory, onSameCa } from '../../ca/options.ts';
import { neededPassphrase, noPassphrase } from '../../ca/passphrase.ts';

/**
 * Accepts the file from a root: the certificate that this CA requested, and newer lists of the root. If there is a CA
 * already, the new one replaces it, and both are trusted. A rerun completes what was cut off.
 */
export async function acceptSigned(file: string, options: CaOptions, context: CliContext): Promise<void> {
  const directory = caDirectory(options, context);
  const text = await readIfThere(file);
  if (text === undefined)
    throw new Problem('unreadable-file', `${file} is not there`, 'use what “ca sign-intermediate” wrote');
  const before = await openIfThere(directory);
  if (before !== undefined && roleOf(before.certificate) === 'root') {
    const hint = 'run the command with the CA that the root has signed';
    throw new Problem('wrong-ca', 'this CA is a root: there is no CA above it', hint);
  }
  const request = await readRequest(directory);
  const keys = [request?.publicKey, before?.certificate.publicKey].filter((key) => key !== undefined);
  const signed = readSigned(text, keys, file, Date.now());
  if (signed === undefined && before === undefined) {
    throw new Problem('bad-ca', `there is no certificate in ${file}`, 'use what “ca sign-intermediate” wrote');
  }
  const realm = before?.realm ?? request?.realm;
  if (signed !== undefined) requireRealm(signed, realm, file);
  const passphrase = await passphraseOf(directory, before, options, context);
  if (before !== undefined) await unlockWith(before, passphrase);
  const isNew = signed !== undefined && before?.certificate.fingerprint256 !== signed.certificate.fingerprint256;
  if (isNew) await putInPlace(signed, directory, before, passphrase, options);
  const store = await openStore(directory);
  const lists = await takeRootLists(store, text);
  if (lists === 0 && signed === undefined) {
    const hint = 'copy crl.pem of the root that signed this CA here';
    throw new Problem('foreign-crl', `${file} holds no list of a CA above this one`, hint);
  }
  await listRevoked(store, await unlockWith(store, passphrase), { now: Date.now() });
  // Another request may be waiting by now.
  if (signed !== undefined && request?.publicKey.equals(signed.certificate.publicKey)) await endRequest(directory);
  await endSuccession(directory);
  report(store, { file, lists, before, signed: signed !== undefined }, options, context);
}

async function openIfThere(directory: string): Promise<Store | undefined> {
  try {
    return await openStore(directory);
  } catch (error) {
    if (error instanceof Problem && error.code === 'no-ca') return undefined;
    throw error;
  }
}

function requireRealm({ certificate }: SignedCa, expected: string | undefined, file: string): void {
  const realm = realmOf(certificate, file);
  if (expected === undefined || realm === expected) return;
  const what = `the certificate in ${file} is of realm ${realm}, and this CA is of ${expected}`;
  throw new Problem('bad-ca', what, `let a root of ${expected} sign the request`);
}

/** One passphrase serves all keys of a CA, and the key that waits for its certificate. */
async function passphraseOf(
  directory: string,
  before: Store | undefined,
  options: CaOptions,
  context: CliContext,
): Promise<string> {
  if (before !== undefined) return passphraseFor(before, options, context);
  const waiting = (await readIfThere(pathsIn(directory).requestKey)) ?? '';
  return (isEncrypted(waiting) ? neededPassphrase : noPassphrase)(options, context);
}

async function putInPlace(
  { certificate, above }: SignedCa,
  directory: string,
  before: Store | undefined,
  passphrase: string,
  options: CaOptions,
): Promise<void> {
  const key = await openRequestedKey(directory, passphrase);
  if (key === undefined || !certificate.checkPrivateKey(key)) {
    const { requestKey } = pathsIn(directory);
    const hint = `make a request with a new key: “${onSameCa('rollover --intermediate', options)}”`;
    throw new Problem('no-request', `${requestKey} is not the key of the certificate`, hint);
  }
  const authority = { realm: realmOf(certificate, directory), certificate, key };
  if (before === undefined) await createStore(directory, authority, passphrase, above);
  else await beginRollover(before, authority, passphrase, above);
}

function report(
  store: Store,
  done: {
    readonly file: string;
    readonly lists: number;
    readonly before: Store | undefined;
    readonly signed: boolean;
  },
  options: CaOptions,
  context: CliContext,
): void {
  const { directory, realm, certificate, holders } = store;
  const { fingerprint256: fingerprint, validTo } = certificate;
  const trusted = holders.length;
  if (options.json === true) {
    context.out(JSON.stringify({ directory, realm, fingerprint, lists: done.lists, trusted }));
    return;
  }
  if (!done.signed) {
    context.out(`took ${count(done.lists, 'list')} from ${done.file} into ${pathsIn(directory).crl}`);
    context.out(`send it to the nodes with “${onSameCa('push-crl', options)}”`);
    return;
  }
  const end = new Date(validTo).toISOString();
  context.out(`made the CA of ${realm} in ${directory} below its root, valid until ${end}`);
  context.out(`fingerprint ${fingerprint}`);
  if (done.before === undefined) return;
  context.out(`${count(trusted, 'CA is', 'CAs are')} trusted now`);
  context.out(
    trustedPem(done.before) === trustedPem(store)
      ? `ca.crt stays as it is; renew every certificate now: “${onSameCa('list', options)}” shows them`
      : `copy ca.crt (“${onSameCa('show --pem', options)}”) to every node and operator before anything else`,
  );
}

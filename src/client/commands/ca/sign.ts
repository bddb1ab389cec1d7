import { readIfThere } from '../../../core/files/if-there.ts';
import { issue } from '../../../ca/store/ledger.ts';
import { fingerprintOf, keyOfRequest } from '../../../ca/x509/request.ts';
import { Problem } from '../../../core/errors.ts';
import { defineIdentity, type Identity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { confirmKey, type ConfirmOptions } from '../../ca/confirm-key.ts';
import { writeCertificate } from '../../ca/write-certificate.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { type CaOptions, type CertificateOutputOptions, type RoleOptions, validityIn } from '../../ca/options.ts';

export interface SignOptions extends CaOptions, CertificateOutputOptions, RoleOptions, ConfirmOptions {}

/** Signs the key of a request for a name that the operator gives: the name in the request is ignored. */
export async function signRequest(
  file: string,
  kind: Identity['kind'],
  name: string,
  options: SignOptions,
  context: CliContext,
): Promise<void> {
  if (options.relay === true && kind !== 'node') throw new Problem('usage', 'only a node can relay: leave --relay out');
  if (options.for !== undefined && kind !== 'operator') {
    throw new Problem('usage', 'only an operator can be limited to applications: leave --for out');
  }
  const validity = validityIn(options);
  const store = await openCa(options, context);
  defineIdentity(kind, store.realm, name);
  const pem = await readIfThere(file);
  if (pem === undefined) throw new Problem('unreadable-file', `the request ${file} is not there`);
  const publicKey = await keyOfRequest(pem, file);
  const shown = { by: 'mco-deploy enroll', of: `${kind} ${name}` };
  await confirmKey(fingerprintOf(publicKey), shown, options, context);
  const make = async () => {
    const authority = await unlockCa(store, options, context);
    const role = { relay: options.relay === true, applications: options.for ?? [], ...validity };
    return { certificate: await issue(store, authority, { kind, name, publicKey, now: Date.now(), ...role }) };
  };
  await writeCertificate({ kind, name, make, withKey: false, done: 'signed', starting: true }, store, options, context);
}

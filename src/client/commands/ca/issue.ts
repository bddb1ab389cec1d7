import { makeKeyPair } from '../../../ca/x509/keys.ts';
import { issue } from '../../../ca/store/ledger.ts';
import { defineIdentity, type Identity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { writeCertificate } from '../../ca/write-certificate.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { type CaOptions, type CertificateOutputOptions, type RoleOptions, validityIn } from '../../ca/options.ts';

export async function issueNew(
  kind: Identity['kind'],
  name: string,
  options: CaOptions & CertificateOutputOptions & RoleOptions,
  context: CliContext,
): Promise<void> {
  const store = await openCa(options, context);
  defineIdentity(kind, store.realm, name);
  const validity = validityIn(options);
  const make = async () => {
    const authority = await unlockCa(store, options, context);
    const { publicKey, privateKey: key } = makeKeyPair();
    const now = Date.now();
    return {
      certificate: await issue(store, authority, {
        kind,
        name,
        publicKey,
        now,
        relay: options.relay === true,
        applications: options.for ?? [],
        ...validity,
      }),
      key,
    };
  };
  await writeCertificate({ kind, name, make, withKey: true, done: 'issued', starting: true }, store, options, context);
}

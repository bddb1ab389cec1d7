import { findIssued, holderKind, stateOf } from '../../../ca/store/issued.ts';
import { renew } from '../../../ca/store/ledger.ts';
import { readIssued } from '../../../ca/store/records.ts';
import { Problem } from '../../../core/errors.ts';
import type { Identity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { writeCertificate } from '../../ca/write-certificate.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { type CaOptions, type CertificateOutputOptions, type RoleOptions, validityIn } from '../../ca/options.ts';

export interface RenewOptions extends CaOptions, CertificateOutputOptions, RoleOptions {
  readonly kind?: Identity['kind'];
}

/** A new certificate for the newest key of a holder that was not revoked. The old one stays valid until it expires. */
export async function renewCertificate(
  nameOrSerial: string,
  options: RenewOptions,
  context: CliContext,
): Promise<void> {
  const store = await openCa(options, context);
  const now = Date.now();
  const found = findIssued(await readIssued(store), nameOrSerial, options.kind);
  const entry = found.find((one) => stateOf(one, now) !== 'revoked') ?? found[0];
  if (entry === undefined) throw new Problem('not-issued', `nothing was issued to “${nameOrSerial}” here`);
  if (options.relay === true && entry.kind !== 'node') {
    throw new Problem('usage', 'only a node can relay: leave --relay out');
  }
  const kind = holderKind(entry);
  const { name } = entry;
  const validity = validityIn(options);
  const make = async () => {
    const authority = await unlockCa(store, options, context);
    const role = { relay: options.relay === true, ...validity };
    return { certificate: await renew(store, authority, entry, { now, ...role }) };
  };
  await writeCertificate(
    { kind, name, make, withKey: false, done: 'renewed', starting: false },
    store,
    options,
    context,
  );
}

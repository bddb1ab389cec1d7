import { listRevoked } from '../../../ca/store/ledger.ts';
import { createStore, openStore } from '../../../ca/store/store.ts';
import { makeAuthority } from '../../../ca/x509/authority.ts';
import { authorityProfile } from '../../../ca/x509/profiles.ts';
import type { CliContext } from '../../cli/context.ts';
import { type CaOptions, caDirectory } from '../../ca/options.ts';
import { issueOwn, requireRoom } from '../../ca/own-certificate.ts';
import { givenPassphrase, newPassphrase } from '../../ca/passphrase.ts';

export interface InitOptions extends CaOptions {
  readonly realm: string;
  readonly days?: number;
  readonly encrypt?: boolean;
  /** Who works here, and gets a certificate at once. */
  readonly operator?: string;
}

export async function initCa(options: InitOptions, context: CliContext): Promise<void> {
  const directory = caDirectory(options, context);
  const { operator } = options;
  if (operator !== undefined) await requireRoom(operator, options.realm, context);
  const passphrase = await (options.encrypt === true ? newPassphrase : givenPassphrase)(options, context);
  const authority = await makeAuthority(options.realm, Date.now(), options.days);
  await createStore(directory, authority, passphrase ?? '');
  const { certificate, realm } = authority;
  // Nodes have a list from the first day: a missing one would look like one that was taken away.
  const store = await openStore(directory);
  await listRevoked(store, [authority], { now: Date.now(), days: authorityProfile.crlDays });
  const file = operator === undefined ? undefined : await issueOwn(operator, store, authority, context);
  const validTo = new Date(certificate.validTo).toISOString();
  if (options.json === true) {
    const encrypted = passphrase !== undefined;
    context.out(
      JSON.stringify({
        directory,
        realm,
        fingerprint: certificate.fingerprint256,
        valid_to: validTo,
        encrypted,
        ...(file && { operator, file }),
      }),
    );
    return;
  }
  context.out(`made the CA of ${realm} in ${directory}, valid until ${validTo}`);
  context.out(`fingerprint ${certificate.fingerprint256}`);
  if (file !== undefined) context.out(`issued the certificate of ${operator}; your configuration is ${file}`);
  if (passphrase === undefined) {
    context.err('warning: the CA key is not encrypted: keep its directory private, or start again with --encrypt');
  }
}

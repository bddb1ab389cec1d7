import { makeAuthority } from '../../../ca/x509/authority.ts';
import { createStore } from '../../../ca/store/store.ts';
import type { CliContext } from '../../cli/context.ts';
import { type CaOptions, caDirectory } from '../../ca/options.ts';
import { givenPassphrase, newPassphrase } from '../../ca/passphrase.ts';

export interface InitOptions extends CaOptions {
  readonly realm: string;
  readonly days?: number;
  readonly encrypt?: boolean;
}

export async function initCa(options: InitOptions, context: CliContext): Promise<void> {
  const directory = caDirectory(options, context);
  const passphrase = await (options.encrypt === true ? newPassphrase : givenPassphrase)(options, context);
  const authority = await makeAuthority(options.realm, Date.now(), options.days);
  await createStore(directory, authority, passphrase ?? '');
  const { certificate, realm } = authority;
  const validTo = new Date(certificate.validTo).toISOString();
  if (options.json === true) {
    const encrypted = passphrase !== undefined;
    context.out(
      JSON.stringify({ directory, realm, fingerprint: certificate.fingerprint256, valid_to: validTo, encrypted }),
    );
    return;
  }
  context.out(`made the CA of ${realm} in ${directory}, valid until ${validTo}`);
  context.out(`fingerprint ${certificate.fingerprint256}`);
  if (passphrase === undefined) {
    context.err('warning: the CA key is not encrypted: keep its directory private, or start again with --encrypt');
  }
}

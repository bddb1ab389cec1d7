import type { Authority } from '../../ca/x509/authority.ts';
import { openStore, type Store, unlock } from '../../ca/store/store.ts';
import type { CliContext } from '../cli/context.ts';
import { type CaOptions, caDirectory } from './options.ts';
import { neededPassphrase, noPassphrase } from './passphrase.ts';

export function openCa(options: CaOptions, context: CliContext): Promise<Store> {
  return openStore(caDirectory(options, context));
}

/** The CA that issues, its key open. */
export async function unlockCa(store: Store, options: CaOptions, context: CliContext): Promise<Authority> {
  return unlock(store, store.holders[0], await passphraseFor(store, options, context));
}

/** All CAs that are trusted, their keys open. */
export async function unlockAll(store: Store, options: CaOptions, context: CliContext): Promise<Authority[]> {
  return unlockWith(store, await passphraseFor(store, options, context));
}

/** One passphrase serves all keys of a CA. */
export function unlockWith(store: Store, passphrase: string): Promise<Authority[]> {
  return Promise.all(store.holders.map((holder) => unlock(store, holder, passphrase)));
}

/** Empty when no key is encrypted. @throws Problem as {@link neededPassphrase} */
export function passphraseFor({ encrypted }: Store, options: CaOptions, context: CliContext): Promise<string> {
  return encrypted ? neededPassphrase(options, context) : noPassphrase(options, context);
}

import type { Authority } from '../../../ca/authority.ts';
import { openStore, type Store, unlock } from '../../../ca/store.ts';
import type { CliContext } from '../../context.ts';
import { type CaOptions, caDirectory } from './options.ts';
import { neededPassphrase } from './passphrase.ts';

export function openCa(options: CaOptions, context: CliContext): Promise<Store> {
  return openStore(caDirectory(options, context));
}

/** The CA that issues, its key open. */
export async function unlockCa(store: Store, options: CaOptions, context: CliContext): Promise<Authority> {
  const [authority] = await unlockAll({ ...store, holders: store.holders.slice(0, 1) }, options, context);
  if (authority === undefined) throw new Error('a store has at least one holder');
  return authority;
}

/** All CAs that are trusted, their keys open: one passphrase serves them all. */
export async function unlockAll(store: Store, options: CaOptions, context: CliContext): Promise<Authority[]> {
  const passphrase = store.encrypted ? await neededPassphrase(options, context) : '';
  return Promise.all(store.holders.map((holder) => unlock(store, holder, passphrase)));
}

import { makeAuthority } from '../../../ca/x509/authority.ts';
import { listRevoked } from '../../../ca/store/ledger.ts';
import { authorityProfile } from '../../../ca/x509/profiles.ts';
import { readIssued, readStoredCrl } from '../../../ca/store/records.ts';
import { beginRollover, finishRollover } from '../../../ca/rollover.ts';
import { openStore, type Store } from '../../../ca/store/store.ts';
import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { openCa, passphraseFor, unlockWith } from '../../ca/open.ts';
import type { CaOptions } from '../../ca/options.ts';

export interface RolloverOptions extends CaOptions {
  readonly days?: number;
  readonly finish?: boolean;
}

/** Puts a new CA beside the one there is; with `--finish`, ends the trust in the old one. */
export async function rollOver(options: RolloverOptions, context: CliContext): Promise<void> {
  const store = await openCa(options, context);
  const now = Date.now();
  if (options.finish === true && store.holders.length === 1) {
    throw new Problem('no-rollover', `there is one CA in ${store.directory}`, 'begin with “mco-deploy ca rollover”');
  }
  const passphrase = await passphraseFor(store, options, context);
  await unlockWith(store, passphrase);
  const ended = options.finish === true ? await finishRollover(store, await readIssued(store), now) : 0;
  if (options.finish !== true) {
    await beginRollover(store, await makeAuthority(store.realm, now, options.days), passphrase);
  }
  const next = await openStore(store.directory);
  if ((await readStoredCrl(store)) !== undefined) {
    await listRevoked(next, await unlockWith(next, passphrase), { now, days: authorityProfile.crlDays });
  }
  report(next, ended, options, context);
}

function report(
  { certificate: { fingerprint256: fingerprint }, holders }: Store,
  ended: number,
  options: RolloverOptions,
  context: CliContext,
): void {
  if (options.json === true) {
    context.out(JSON.stringify({ fingerprint, trusted: holders.length }));
    return;
  }
  const done = ended > 0 ? `ended the trust in ${count(ended, 'CA')}` : `made a new CA, fingerprint ${fingerprint}`;
  context.out(`${done}; ${count(holders.length, 'CA is', 'CAs are')} trusted now`);
  context.out('bring ca.crt (“mco-deploy ca show --pem”) to every node and operator before anything else');
}

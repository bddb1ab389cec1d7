import { makeAuthority, makeRoot, roleOf } from '../../../ca/x509/authority.ts';
import { listRevoked } from '../../../ca/store/ledger.ts';
import { requestIntermediate } from '../../../ca/ca-request.ts';
import { readIssued, readStoredCrl } from '../../../ca/store/records.ts';
import { beginRollover, finishRollover, isFinishCutOff } from '../../../ca/rollover.ts';
import { openStore, type Store, trustedPem } from '../../../ca/store/store.ts';
import { endSuccession, isRollingOver } from '../../../ca/store/succession.ts';
import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { openCa, passphraseFor, unlockWith } from '../../ca/open.ts';
import { type CaOptions, onSameCa } from '../../ca/options.ts';
import { printRequest } from '../../ca/print-request.ts';

export interface RolloverOptions extends CaOptions {
  readonly days?: number;
  readonly finish?: boolean;
  /** Has a root sign the new CA. */
  readonly intermediate?: boolean;
}

/**
 * Adds a new CA beside the existing one; with `--finish`, ends the trust in the old one. A rerun completes what was cut
 * off.
 */
export async function rollOver(options: RolloverOptions, context: CliContext): Promise<void> {
  const store = await openCa(options, context);
  requireWay(store, options);
  if (options.intermediate === true) return askRoot(store, options, context);
  const finishes = options.finish === true;
  const single = store.holders.length === 1;
  const cutOff = finishes ? single && (await isFinishCutOff(store)) : !single && (await isRollingOver(store.directory));
  if (finishes && single && !cutOff) {
    throw new Problem(
      'no-rollover',
      `there is one CA in ${store.directory}`,
      `start one with “${onSameCa('rollover', options)}”`,
    );
  }
  const passphrase = await passphraseFor(store, options, context);
  await unlockWith(store, passphrase);
  const now = Date.now();
  const make = roleOf(store.certificate) === 'root' ? makeRoot : makeAuthority;
  let ended = 0;
  if (finishes) ended = await finishRollover(store, await readIssued(store), now);
  else if (!cutOff) await beginRollover(store, await make(store.realm, now, options.days), passphrase);
  const next = await openStore(store.directory);
  if ((await readStoredCrl(store)) !== undefined) {
    await listRevoked(next, await unlockWith(next, passphrase), { now });
  }
  await endSuccession(store.directory);
  if (cutOff) context.err(`completed what an earlier “ca rollover${finishes ? ' --finish' : ''}” had begun`);
  report(next, store, ended, options, context);
}

/** @throws Problem `usage`, `wrong-ca` */
function requireWay({ certificate }: Store, options: RolloverOptions): void {
  const { finish = false, intermediate = false, days } = options;
  const role = roleOf(certificate);
  if (intermediate && finish) throw new Problem('usage', '--intermediate and --finish cannot be combined');
  if (intermediate && days !== undefined) {
    const hint = 'pass --days to “mco-deploy ca sign-intermediate” on the root';
    throw new Problem('usage', '--days cannot be combined with --intermediate', hint);
  }
  if (intermediate && role === 'root') {
    const hint = `replace it with “${onSameCa('rollover', options)}”`;
    throw new Problem('wrong-ca', 'this CA is a root: no other CA signs it', hint);
  }
  if (role === 'intermediate' && !finish && !intermediate) {
    const hint = `have its root sign the new one: “${onSameCa('rollover --intermediate', options)}”`;
    throw new Problem('wrong-ca', 'this CA is below a root, and the new one would not be', hint);
  }
}

/** Makes the key and the request of the next CA: “ca accept” installs it. */
async function askRoot(store: Store, options: RolloverOptions, context: CliContext): Promise<void> {
  const passphrase = await passphraseFor(store, options, context);
  await unlockWith(store, passphrase);
  const request = await requestIntermediate(store.directory, store.realm, passphrase);
  printRequest(request, store, options, context);
}

function report(next: Store, before: Store, ended: number, options: RolloverOptions, context: CliContext): void {
  const { fingerprint256: fingerprint } = next.certificate;
  const { holders } = next;
  if (options.json === true) {
    context.out(JSON.stringify({ fingerprint, trusted: holders.length }));
    return;
  }
  const done =
    options.finish === true
      ? `ended the trust in ${ended === 0 ? 'the CA before this one' : count(ended, 'CA')}`
      : `made a new CA, fingerprint ${fingerprint}`;
  context.out(`${done}; ${count(holders.length, 'CA is', 'CAs are')} trusted now`);
  context.out(
    trustedPem(before) === trustedPem(next)
      ? 'ca.crt stays as it is'
      : `copy ca.crt (“${onSameCa('show --pem', options)}”) to every node and operator before anything else`,
  );
}

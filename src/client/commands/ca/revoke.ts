import { findIssued, stateOf } from '../../../ca/store/issued.ts';
import { findUnlisted, listRevoked, revoke } from '../../../ca/store/ledger.ts';
import { roleOf } from '../../../ca/x509/authority.ts';
import { readIssued } from '../../../ca/store/records.ts';
import { type RevocationReason, revocationReasons } from '../../../ca/revocation/revocation-list.ts';
import { pathsIn } from '../../../ca/store/paths.ts';
import { Problem } from '../../../core/errors.ts';
import type { Identity } from '../../../core/identity.ts';
import { count, suggest } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { openCa, unlockAll } from '../../ca/open.ts';
import { type CaOptions, onSameCa } from '../../ca/options.ts';

export interface RevokeOptions extends CaOptions {
  readonly kind?: Identity['kind'];
  readonly reason: string;
}

/** Revokes all valid certificates with a name, or one serial, and makes the next list at once. */
export async function revokeCertificates(
  nameOrSerial: string,
  options: RevokeOptions,
  context: CliContext,
): Promise<void> {
  const reason = parseReason(options.reason);
  const store = await openCa(options, context);
  const now = Date.now();
  const found = findIssued(await readIssued(store), nameOrSerial, options.kind);
  // The keys are opened first: without the list, the revocation would be known only here.
  const authorities = await unlockAll(store, options, context);
  const serials = found.filter((entry) => stateOf(entry, now) === 'valid').map((entry) => entry.serial);
  const revoked = await revoke(store, serials, reason, now);
  // An earlier command may have been cut off between the ledger and the list.
  const unlisted = await findUnlisted(store);
  if (unlisted.length > 0) await listRevoked(store, authorities, { now });
  const { crl } = pathsIn(store.directory);
  if (options.json === true) {
    context.out(JSON.stringify({ revoked, reason, crl }));
    return;
  }
  if (revoked.length === 0 && unlisted.length > 0) {
    context.out(`completed an earlier revocation: ${crl} now lists ${unlisted.join(', ')} as well`);
    context.out(`send it to the nodes with “${onSameCa('push-crl', options)}”`);
    return;
  }
  if (revoked.length === 0) {
    context.out(`nothing to do: every certificate of “${nameOrSerial}” is revoked or has expired`);
    return;
  }
  context.out(`revoked ${count(revoked.length, 'certificate')} of ${nameOrSerial}: ${revoked.join(', ')}`);
  if (roleOf(store.certificate) === 'root') {
    context.out(`made the revocation list ${crl}: copy it to the machines of the other CAs`);
    context.out('there, “mco-deploy ca accept crl.pem” takes it, and “mco-deploy ca push-crl” sends it to the nodes');
    return;
  }
  context.out(
    `made the revocation list ${crl}: every node and operator needs it; “${onSameCa('push-crl', options)}” sends it to the nodes`,
  );
}

function parseReason(text: string): RevocationReason {
  const reason = revocationReasons.find((known) => known === text);
  if (reason === undefined) {
    throw new Problem('usage', `“${text}” is not a reason to revoke`, suggest(text, revocationReasons));
  }
  return reason;
}

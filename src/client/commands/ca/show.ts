import { readCrls } from '../../../ca/revocation/crl.ts';
import { certificateOf, findIssued, type Issued, stateOf } from '../../../ca/store/issued.ts';
import { readIssued, readRootLists, readStoredCrl } from '../../../ca/store/records.ts';
import { roleOf } from '../../../ca/x509/authority.ts';
import { fingerprintOf } from '../../../ca/x509/request.ts';
import { type Store, trustedPem } from '../../../ca/store/store.ts';
import type { Identity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { openCa } from '../../ca/open.ts';
import type { CaOptions } from '../../ca/options.ts';

export interface ShowOptions extends CaOptions {
  readonly kind?: Identity['kind'];
  readonly pem?: boolean;
}

/** Shows certificates with a name or serial; without either, the CA itself. */
export async function show(nameOrSerial: string | undefined, options: ShowOptions, context: CliContext): Promise<void> {
  const store = await openCa(options, context);
  const entries = await readIssued(store);
  const found = nameOrSerial === undefined ? [] : findIssued(entries, nameOrSerial, options.kind);
  if (options.pem === true) {
    const pem =
      nameOrSerial === undefined ? trustedPem(store) : found.map((entry) => certificateOf(entry).toString()).join('');
    context.out(pem.trimEnd());
    return;
  }
  const records = nameOrSerial === undefined ? [await describeCa(store, entries)] : found.map(describe);
  if (options.json === true) {
    context.out(JSON.stringify(nameOrSerial === undefined ? records[0] : records));
    return;
  }
  context.out(records.map(formatRecord).join('\n\n'));
}

type Facts = Readonly<Record<string, string | number | boolean>>;

function describe(entry: Issued): Facts {
  const certificate = certificateOf(entry);
  return {
    kind: entry.kind,
    name: entry.name,
    state: stateOf(entry, Date.now()),
    serial: entry.serial,
    issued_at: entry.issuedAt,
    not_before: entry.notBefore,
    not_after: entry.notAfter,
    ...(entry.revoked === undefined ? {} : { revoked_at: entry.revoked.at, reason: entry.revoked.reason }),
    names: certificate.subjectAltName ?? '',
    fingerprint: certificate.fingerprint256,
    key_fingerprint: fingerprintOf(certificate.publicKey),
    issuer: entry.issuer,
  };
}

async function describeCa(store: Store, entries: readonly Issued[]): Promise<Facts> {
  const { certificate, holders } = store;
  const pem = await readStoredCrl(store);
  const [crl] = pem === undefined ? [] : readCrls(pem, [certificate]);
  const above = (await readRootLists(store)).map(({ nextUpdate }) => nextUpdate);
  const states = entries.map((entry) => stateOf(entry, Date.now()));
  return {
    realm: store.realm,
    role: roleOf(certificate),
    directory: store.directory,
    fingerprint: certificate.fingerprint256,
    not_before: new Date(certificate.validFrom).toISOString(),
    not_after: new Date(certificate.validTo).toISOString(),
    key_encrypted: store.encrypted,
    trusted: holders.length,
    valid: states.filter((state) => state === 'valid').length,
    revoked: states.filter((state) => state === 'revoked').length,
    expired: states.filter((state) => state === 'expired').length,
    ...(crl === undefined ? {} : { crl_number: crl.number, crl_due: new Date(crl.nextUpdate).toISOString() }),
    ...(above.length === 0 ? {} : { root_crl_due: new Date(Math.min(...above)).toISOString() }),
  };
}

function formatRecord(record: Facts): string {
  return Object.entries(record)
    .map(([key, value]) => `${key.replaceAll('_', ' ').padEnd(15)} ${value}`)
    .join('\n');
}

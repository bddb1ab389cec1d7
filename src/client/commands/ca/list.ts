import { type Issued, stateOf } from '../../../ca/store/issued.ts';
import { readIssued } from '../../../ca/store/records.ts';
import type { CliContext } from '../../cli/context.ts';
import { paintFor } from '../../render/color.ts';
import { printTable } from '../../render/table.ts';
import { openCa } from '../../ca/open.ts';
import type { CaOptions } from '../../ca/options.ts';

export interface ListOptions extends CaOptions {
  readonly all?: boolean;
  readonly expiring?: number;
}

const day = 24 * 60 * 60 * 1000;

/**
 * Valid certificates, by name; `--all` with the expired and revoked, `--expiring N` only those that end within N days.
 */
export async function listIssued(options: ListOptions, context: CliContext): Promise<void> {
  const store = await openCa(options, context);
  const now = Date.now();
  const isChosen = (entry: Issued) => {
    if (options.expiring !== undefined) {
      return stateOf(entry, now) === 'valid' && Date.parse(entry.notAfter) < now + options.expiring * day;
    }
    return options.all === true || stateOf(entry, now) === 'valid';
  };
  const entries = (await readIssued(store)).filter(isChosen).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (options.json === true) {
    context.out(JSON.stringify(entries.map((entry) => asJson(entry, now))));
    return;
  }
  const paint = paintFor(context);
  const rows = entries.map((entry) => {
    const { kind, name, notAfter, serial } = entry;
    const state = stateOf(entry, now);
    return [kind, name, paint(state === 'valid' ? 'green' : 'red', state), notAfter.slice(0, 10), serial];
  });
  if (rows.length > 0) printTable(['KIND', 'NAME', 'STATE', 'EXPIRES', 'SERIAL'], rows, {}, { out: context.out });
  if (entries.length === 0) context.err('nothing to list');
}

function asJson(entry: Issued, now: number) {
  const { certificate: _certificate, issuedAt, notBefore, notAfter, ...rest } = entry;
  return { ...rest, state: stateOf(entry, now), issued_at: issuedAt, not_before: notBefore, not_after: notAfter };
}

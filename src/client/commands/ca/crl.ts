import { resolve } from 'node:path';
import { readCrls } from '../../../ca/revocation/crl.ts';
import { writeWhole } from '../../../ca/store/files.ts';
import { listRevoked } from '../../../ca/store/ledger.ts';
import { pathsIn } from '../../../ca/store/paths.ts';
import { count } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { openCa, unlockAll } from '../../ca/open.ts';
import type { CaOptions } from '../../ca/options.ts';

export interface CrlOptions extends CaOptions {
  readonly out?: string;
  readonly days?: number;
}

/** Makes the next revocation list: stored with the CA, and written to `--out`. */
export async function makeCrl(options: CrlOptions, context: CliContext): Promise<void> {
  const store = await openCa(options, context);
  const authorities = await unlockAll(store, options, context);
  const { days } = options;
  const pem = await listRevoked(store, authorities, { now: Date.now(), ...(days === undefined ? {} : { days }) });
  const file = options.out === undefined ? pathsIn(store.directory).crl : resolve(options.out);
  if (options.out !== undefined) await writeWhole({ path: file, content: pem, mode: 0o644, replace: true });
  const crls = readCrls(
    pem,
    store.holders.map(({ certificate }) => certificate),
  );
  const revoked = crls.reduce((sum, { size }) => sum + size, 0);
  const [first] = crls;
  const nextUpdate = new Date(first?.nextUpdate ?? 0).toISOString();
  if (options.json === true) {
    context.out(JSON.stringify({ file, number: first?.number, next_update: nextUpdate, revoked }));
    return;
  }
  context.out(`made revocation list ${first?.number} with ${count(revoked, 'certificate')}: ${file}`);
  context.out(`the next one is due by ${nextUpdate}`);
}

import { basename, resolve } from 'node:path';
import { writeWhole } from '../../../ca/store/files.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { intermediateName, issueIntermediate } from '../../../ca/store/ledger.ts';
import { readStoredCrl } from '../../../ca/store/records.ts';
import { requireRole } from '../../../ca/x509/authority.ts';
import { fingerprintOf, keyOfRequest } from '../../../ca/x509/request.ts';
import { Problem } from '../../../core/errors.ts';
import type { CliContext } from '../../cli/context.ts';
import { shellWord } from '../../cli/shell-word.ts';
import { confirmKey, type ConfirmOptions } from '../../ca/confirm-key.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import type { CaOptions } from '../../ca/options.ts';

export interface SignIntermediateOptions extends CaOptions, ConfirmOptions {
  readonly out?: string;
  readonly days?: number;
  readonly force?: boolean;
}

const requester = 'mco-deploy ca init --intermediate';

/** Signs the key of another CA, and writes one file for it: its certificate, this root, and the list of this root. */
export async function signIntermediate(
  file: string,
  options: SignIntermediateOptions,
  context: CliContext,
): Promise<void> {
  const store = await openCa(options, context);
  requireRole(store.certificate, 'root');
  const pem = await readIfThere(file);
  if (pem === undefined) throw new Problem('unreadable-file', `the request ${file} is not there`);
  const publicKey = await keyOfRequest(pem, file, requester);
  const name = intermediateName(publicKey);
  const out = resolve(options.out ?? `${name}.pem`);
  const replace = options.force === true;
  if (!replace && (await readIfThere(out)) !== undefined) {
    throw new Problem('file-exists', `${out} exists already`, 'move it away, or replace it with --force');
  }
  const shown = { by: requester, of: `the CA ${name}` };
  await confirmKey(fingerprintOf(publicKey), shown, options, context);
  const root = await unlockCa(store, options, context);
  const { days } = options;
  const validity = { now: Date.now(), ...(days === undefined ? {} : { days }) };
  const certificate = await issueIntermediate(store, root, { publicKey, ...validity });
  const content = `${certificate}${root.certificate}${(await readStoredCrl(store)) ?? ''}`;
  await writeWhole({ path: out, content, mode: 0o644, replace });
  const { serialNumber: serial } = certificate;
  const validTo = new Date(certificate.validTo).toISOString();
  if (options.json === true) {
    context.out(JSON.stringify({ name, serial, valid_to: validTo, file: out }));
    return;
  }
  context.out(`signed the CA ${name} of ${store.realm}, serial ${serial}, valid until ${validTo}`);
  context.out(`copy ${out} to its machine and run there: mco-deploy ca accept ${shellWord(basename(out))}`);
}

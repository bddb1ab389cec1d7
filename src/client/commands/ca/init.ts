import { requestIntermediate } from '../../../ca/ca-request.ts';
import { listRevoked } from '../../../ca/store/ledger.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { pathsIn } from '../../../ca/store/paths.ts';
import { isEncrypted } from '../../../ca/x509/private-key.ts';
import { createStore, openStore } from '../../../ca/store/store.ts';
import { makeAuthority, makeRoot } from '../../../ca/x509/authority.ts';
import { Problem } from '../../../core/errors.ts';
import type { CliContext } from '../../cli/context.ts';
import { type CaOptions, caDirectory } from '../../ca/options.ts';
import { issueOwn, requireRoom } from '../../ca/own-certificate.ts';
import { printRequest } from '../../ca/print-request.ts';
import { readPassphrase, neededPassphrase, newPassphrase } from '../../ca/passphrase.ts';

export interface InitOptions extends CaOptions {
  readonly realm: string;
  readonly days?: number;
  readonly encrypt?: boolean;
  /** The local operator, who gets a certificate at once. */
  readonly operator?: string;
  /** Signs only CAs of this realm. */
  readonly root?: boolean;
  /** Asks a root for a certificate. */
  readonly intermediate?: boolean;
}

export async function initCa(options: InitOptions, context: CliContext): Promise<void> {
  requireOneKind(options);
  const directory = caDirectory(options, context);
  if (options.intermediate === true) return initIntermediate(directory, options, context);
  const { operator } = options;
  if (operator !== undefined) await requireRoom(operator, options.realm, directory, context);
  const passphrase = await (options.encrypt === true ? newPassphrase : readPassphrase)(options, context);
  const make = options.root === true ? makeRoot : makeAuthority;
  const authority = await make(options.realm, Date.now(), options.days);
  await createStore(directory, authority, passphrase ?? '');
  const { certificate, realm } = authority;
  // Nodes have a list from the first day: a missing one would look like a deleted one.
  const store = await openStore(directory);
  await listRevoked(store, [authority], { now: Date.now() });
  const file = operator === undefined ? undefined : await issueOwn(operator, store, authority, context);
  const validTo = new Date(certificate.validTo).toISOString();
  if (options.json === true) {
    const encrypted = passphrase !== undefined;
    context.out(
      JSON.stringify({
        directory,
        realm,
        fingerprint: certificate.fingerprint256,
        valid_to: validTo,
        encrypted,
        ...(file && { operator, file }),
      }),
    );
    return;
  }
  context.out(`made the ${options.root === true ? 'root' : 'CA'} of ${realm} in ${directory}, valid until ${validTo}`);
  context.out(`fingerprint ${certificate.fingerprint256}`);
  if (file !== undefined) context.out(`issued the certificate of ${operator}; your configuration is ${file}`);
  if (passphrase === undefined) {
    context.err(unencrypted(directory));
  }
}

/** @throws Problem `usage` */
function requireOneKind({ root = false, intermediate = false, operator, days }: InitOptions): void {
  if (root && intermediate) {
    throw new Problem('usage', '--root and --intermediate cannot be combined', 'make each on its own machine');
  }
  if ((root || intermediate) && operator !== undefined) {
    const hint = 'issue one later with “mco-deploy ca issue operator” on the intermediate CA';
    throw new Problem('usage', `--operator cannot be combined with ${root ? '--root' : '--intermediate'}`, hint);
  }
  if (intermediate && days !== undefined) {
    const hint = 'pass --days to “mco-deploy ca sign-intermediate” on the root';
    throw new Problem('usage', '--days cannot be combined with --intermediate', hint);
  }
}

async function initIntermediate(directory: string, options: InitOptions, context: CliContext): Promise<void> {
  const { certificate, requestKey } = pathsIn(directory);
  if ((await readIfThere(certificate)) !== undefined) {
    const hint = 'replace it with “mco-deploy ca rollover --intermediate”, or name another directory with --dir';
    throw new Problem('file-exists', `there is a CA in ${directory} already`, hint);
  }
  const waiting = await readIfThere(requestKey);
  const asksForOld = waiting !== undefined && isEncrypted(waiting);
  const obtain = asksForOld ? neededPassphrase : options.encrypt === true ? newPassphrase : readPassphrase;
  const passphrase = (await obtain(options, context)) ?? '';
  const request = await requestIntermediate(directory, options.realm, passphrase);
  printRequest(request, { directory, realm: options.realm }, options, context);
  if (passphrase === '') {
    context.err(unencrypted(directory));
  }
}

function unencrypted(directory: string): string {
  return `warning: the CA key is not encrypted: let nobody else read ${directory}, or remove it and start again with --encrypt`;
}

import { createInterface } from 'node:readline/promises';
import { readIfThere } from '../../../ca/store/files.ts';
import { issue } from '../../../ca/store/ledger.ts';
import { fingerprintOf, keyOfRequest } from '../../../ca/x509/request.ts';
import { Problem } from '../../../core/errors.ts';
import { defineIdentity, type Identity } from '../../../core/identity.ts';
import type { CliContext } from '../../cli/context.ts';
import { writeCertificate } from '../../ca/write-certificate.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { type CaOptions, type PlaceOptions, type RoleOptions, validityIn } from '../../ca/options.ts';

export interface SignOptions extends CaOptions, PlaceOptions, RoleOptions {
  readonly fingerprint?: string;
  readonly yes?: boolean;
}

/** Signs the key of a request for a name that the operator gives: the request's own words count for nothing. */
export async function signRequest(
  file: string,
  kind: Identity['kind'],
  name: string,
  options: SignOptions,
  context: CliContext,
): Promise<void> {
  if (options.relay === true && kind !== 'node') throw new Problem('usage', 'only a node can relay: leave --relay out');
  if (options.for !== undefined && kind !== 'operator') {
    throw new Problem('usage', 'only an operator can be limited to applications: leave --for out');
  }
  const validity = validityIn(options);
  const store = await openCa(options, context);
  defineIdentity(kind, store.realm, name);
  const pem = await readIfThere(file);
  if (pem === undefined) throw new Problem('unreadable-file', `the request ${file} is not there`);
  const publicKey = await keyOfRequest(pem);
  await confirmKey(fingerprintOf(publicKey), `${kind} ${name}`, options, context);
  const make = async () => {
    const authority = await unlockCa(store, options, context);
    const role = { relay: options.relay === true, applications: options.for ?? [], ...validity };
    return { certificate: await issue(store, authority, { kind, name, publicKey, now: Date.now(), ...role }) };
  };
  await writeCertificate({ kind, name, make, withKey: false, done: 'signed', starting: true }, store, options, context);
}

/** The way a request came may have been tampered with; only a person who has seen the host's own screen knows. */
async function confirmKey(found: string, whose: string, options: SignOptions, context: CliContext): Promise<void> {
  if (options.fingerprint !== undefined) {
    if (options.fingerprint === found) return;
    const what = `the key in the request has the fingerprint ${found}, not ${options.fingerprint}`;
    throw new Problem('wrong-fingerprint', what, 'do not sign it: ask the host for its request again');
  }
  context.err(`fingerprint of the key: ${found}`);
  if (options.yes === true) return;
  if (!context.stdin.isTTY) {
    const hint = 'compare it with what “mco-deploy enroll” showed, then pass it with --fingerprint';
    throw new Problem('fingerprint-needed', `there is no terminal to confirm that this is the key of ${whose}`, hint);
  }
  context.err(`does “mco-deploy enroll” show the same on ${whose}? Type yes to sign it:`);
  const lines = createInterface({ input: context.stdin });
  try {
    const answer = await lines.question('', { signal: context.signal });
    if (answer.trim() !== 'yes') throw new Problem('not-confirmed', 'nothing was signed');
  } finally {
    lines.close();
  }
}

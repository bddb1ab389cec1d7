import { type CrashKind, crashAtEachChange } from './crash.ts';
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findUnlisted, issue } from '../../../src/ca/store/ledger.ts';
import { readLists } from '../../../src/ca/store/records.ts';
import { openStore, unlock } from '../../../src/ca/store/store.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { makeCrl } from '../../../src/client/commands/ca/crl.ts';
import { initCa } from '../../../src/client/commands/ca/init.ts';
import { acceptSigned } from '../../../src/client/commands/ca/accept.ts';
import { revokeCertificates } from '../../../src/client/commands/ca/revoke.ts';
import { rollOver } from '../../../src/client/commands/ca/rollover.ts';
import { signIntermediate } from '../../../src/client/commands/ca/sign-intermediate.ts';
import { quietContext } from '../program/quiet-context.ts';

/** A CA whose commands run in this process and can be cut off at any change of the disk. */
export function makeCaEstate() {
  // In memory: a thousand syncs of a real disk take minutes, and crash.ts computes what survives a power cut.
  const directory = mkdtempSync('/dev/shm/mco-ca-crash-');
  const dir = join(directory, 'ca');
  const { context } = quietContext({ HOME: directory });
  /** A root on another machine, and what it wrote for the CA. */
  const root = join(directory, 'root');
  const signed = join(directory, 'signed.pem');
  /** Begins again from a directory as it was made before; from nothing when it is empty. */
  const restore = (from: string) => {
    rmSync(dir, { recursive: true, force: true });
    if (from !== '') cpSync(from, dir, { recursive: true });
  };
  return {
    dir,
    restore,
    init: () => initCa({ dir, realm: 'devco.net' }, context),
    list: () => makeCrl({ dir }, context),
    revoke: (name: string) => revokeCertificates(name, { dir, reason: 'keyCompromise' }, context),
    rollover: () => rollOver({ dir }, context),
    root,
    signed,
    initRoot: () => initCa({ dir: root, realm: 'devco.net', root: true }, context),
    /** Makes the request of a CA for the root: the first one here, or one that takes over. */
    ask: () => initCa({ dir, realm: 'devco.net', intermediate: true }, context),
    askAgain: () => rollOver({ dir, intermediate: true }, context),
    sign: () => signIntermediate(join(dir, 'ca.csr'), { dir: root, yes: true, out: signed, force: true }, context),
    accept: () => acceptSigned(signed, { dir }, context),
    finish: () => rollOver({ dir, finish: true }, context),
    issue: async (name: string) => {
      const store = await openStore(dir);
      const authority = await unlock(store, store.holders[0], '');
      await issue(store, authority, { kind: 'node', name, publicKey: makeKeyPair().publicKey, now: Date.now() });
    },
    prepare: async (make: () => Promise<unknown>): Promise<string> => {
      restore('');
      await make();
      const kept = mkdtempSync(join(directory, 'kept-'));
      cpSync(dir, kept, { recursive: true });
      return kept;
    },
    /** Cuts a command off at each of its changes of the disk, in each way. */
    atEachChange: async (
      kinds: readonly CrashKind[],
      from: string,
      command: () => Promise<unknown>,
      check: (where: string) => Promise<void>,
    ): Promise<void> => {
      await crashAtEachChange({
        root: directory,
        kinds,
        prepare: () => restore(from),
        work: command,
        check,
        least: 10,
      });
    },
    /** Checks that nothing is missing, half done or left over. */
    inspect: async (where: string): Promise<{ number: number; holders: number }> => {
      const store = await openStore(dir);
      for (const holder of store.holders) await unlock(store, holder, '');
      assert.deepEqual(await findUnlisted(store), [], where);
      const known = /^(ca\.crt|ca\.key|crl-number|crl\.pem|root-crl\.pem|issued\.jsonl|previous|lock.*)$/;
      assert.deepEqual(
        readdirSync(dir).filter((name) => !known.test(name)),
        [],
        where,
      );
      const keys = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.key'));
      assert.equal(keys.length, store.holders.length, `${where}: ${keys.join(' ')}`);
      const numbers = (await readLists(store)).map(({ number }) => number);
      return { number: Math.max(0, ...numbers), holders: store.holders.length };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

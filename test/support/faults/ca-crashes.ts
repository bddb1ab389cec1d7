import type { CrashKind } from './crash.ts';
import { makeCaEstate } from './ca-estate.ts';
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readIssued, readLists } from '../../../src/ca/store/records.ts';
import { openStore } from '../../../src/ca/store/store.ts';

/** Tests that cut the commands of a CA off at each change of the disk, and run them again. */
export const caCrashes = {
  init: (kinds: readonly CrashKind[]) =>
    test('init is done, or the next one completes it', async () => {
      using ca = makeCaEstate();
      await ca.atEachChange(kinds, '', ca.init, async (where) => {
        await ca.init().catch((error: { code?: string }) => assert.equal(error.code, 'file-exists', where));
        await ca.issue('dev1');
        await ca.inspect(where);
      });
    }),

  issue: (kinds: readonly CrashKind[]) =>
    test('issue has recorded the certificate, or not, and the next one works', async () => {
      using ca = makeCaEstate();
      const from = await ca.prepare(async () => {
        await ca.init();
        await ca.issue('dev1');
      });
      await ca.atEachChange(
        kinds,
        from,
        () => ca.issue('dev2'),
        async (where) => {
          await ca.issue('dev3');
          const names = (await readIssued(await openStore(ca.dir))).map(({ name }) => name);
          assert.deepEqual(names.slice(0, 1), ['dev1'], where);
          assert.ok(['dev3', 'dev2,dev3'].includes(names.slice(1).join()), `${where}: ${names}`);
          await ca.inspect(where);
        },
      );
    }),

  revoke: (kinds: readonly CrashKind[]) =>
    test('revoke is completed by the next one: the list has the certificate, under a higher number', async () => {
      using ca = makeCaEstate();
      const from = await ca.prepare(async () => {
        await ca.init();
        for (const name of ['dev1', 'dev2']) await ca.issue(name);
        await ca.revoke('dev1');
        await ca.list();
      });
      await ca.atEachChange(
        kinds,
        from,
        () => ca.revoke('dev2'),
        async (where) => {
          await ca.revoke('dev2');
          assert.ok((await ca.inspect(where)).number >= 3, where);
          const store = await openStore(ca.dir);
          const [list] = await readLists(store);
          const entry = (await readIssued(store)).find(({ name }) => name === 'dev2');
          assert.ok(entry !== undefined && list?.isRevoked(entry.serial), where);
        },
      );
    }),

  rollover: (kinds: readonly CrashKind[]) =>
    test('rollover is completed by the next one: one new CA, both keys, a list of each', async () => {
      using ca = makeCaEstate();
      const from = await ca.prepare(async () => {
        await ca.init();
        await ca.issue('dev1');
        await ca.revoke('dev1');
      });
      await ca.atEachChange(kinds, from, ca.rollover, async (where) => {
        await ca.rollover();
        const { holders } = await ca.inspect(where);
        // Cut off after its last step, it was done: the next one is another rollover.
        assert.ok(holders === 2 || holders === 3, `${where}: ${holders} CAs`);
        assert.equal((await readLists(await openStore(ca.dir))).length, holders, where);
      });
    }),

  ask: (kinds: readonly CrashKind[]) =>
    test('init --intermediate has made a key and its request, or the next one does', async () => {
      using ca = makeCaEstate();
      await ca.initRoot();
      await ca.atEachChange(kinds, '', ca.ask, async (where) => {
        await ca.ask();
        await ca.sign();
        await ca.accept();
        assert.equal((await ca.inspect(where)).holders, 1, where);
      });
    }),

  sign: (kinds: readonly CrashKind[]) =>
    test('sign-intermediate returns no CA that the root does not know', async () => {
      using ca = makeCaEstate();
      await ca.initRoot();
      const from = await ca.prepare(ca.ask);
      await ca.atEachChange(kinds, from, ca.sign, async (where) => {
        // Files that were written before the command was cut off are complete, or missing.
        await ca.accept().catch(async () => {
          await ca.sign();
          await ca.accept();
        });
        const { serialNumber } = (await openStore(ca.dir)).certificate;
        const serials = (await readIssued(await openStore(ca.root))).map(({ serial }) => serial);
        assert.ok(serials.includes(serialNumber), where);
        await ca.inspect(where);
        rmSync(ca.signed);
      });
    }),

  accept: (kinds: readonly CrashKind[]) =>
    test('accept is completed by the next one: one CA below the root, its key, a list of both', async () => {
      using ca = makeCaEstate();
      await ca.initRoot();
      const from = await ca.prepare(async () => {
        await ca.ask();
        await ca.sign();
      });
      await ca.atEachChange(kinds, from, ca.accept, async (where) => {
        await ca.accept();
        await ca.issue('dev1');
        assert.equal((await ca.inspect(where)).holders, 1, where);
        assert.equal((await readLists(await openStore(ca.dir))).length, 2, where);
      });
    }),

  takeOver: (kinds: readonly CrashKind[]) =>
    test('accept beside a CA is completed by the next one: both keys, a list of each and of the root', async () => {
      using ca = makeCaEstate();
      await ca.initRoot();
      const from = await ca.prepare(async () => {
        await ca.init();
        await ca.issue('dev1');
        await ca.revoke('dev1');
        await ca.askAgain();
        await ca.sign();
      });
      await ca.atEachChange(kinds, from, ca.accept, async (where) => {
        await ca.accept();
        assert.equal((await ca.inspect(where)).holders, 2, where);
        assert.equal((await readLists(await openStore(ca.dir))).length, 3, where);
      });
    }),

  finish: (kinds: readonly CrashKind[]) =>
    test('rollover --finish is completed by the next one: no key of the old CA is left', async () => {
      using ca = makeCaEstate();
      const from = await ca.prepare(async () => {
        await ca.init();
        await ca.issue('dev1');
        await ca.revoke('dev1');
        await ca.rollover();
      });
      await ca.atEachChange(kinds, from, ca.finish, async (where) => {
        await ca.finish().catch((error: { code?: string }) => assert.equal(error.code, 'no-rollover', where));
        assert.equal((await ca.inspect(where)).holders, 1, where);
        assert.equal(readFileSync(join(ca.dir, 'crl.pem'), 'utf8').match(/BEGIN/g)?.length, 1, where);
      });
    }),
};

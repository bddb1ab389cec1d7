import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readCrl } from '../../../../src/ca/revocation/crl.ts';
import { beginRollover, finishRollover } from '../../../../src/ca/rollover.ts';
import { issue, listRevoked, revoke } from '../../../../src/ca/store/ledger.ts';
import { pathsIn } from '../../../../src/ca/store/paths.ts';
import { readIssued, readStoredCrl, writeNextCrl } from '../../../../src/ca/store/records.ts';
import { createStore, openStore, type Store, unlock } from '../../../../src/ca/store/store.ts';
import { endSuccession } from '../../../../src/ca/store/succession.ts';
import { type Authority, makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';

const now = Date.now();
const { publicKey } = makeKeyPair();
// What a kill leaves is a part of that: each step of a CA is synced before the next.
const kinds = ['power'] as const;

let old: Authority;
let fresh: Authority;
let root: string;
let directory: string;
before(async () => {
  [old, fresh] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
});
const roots: string[] = [];
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-ca-crash-');
  roots.push(root);
  directory = join(root, 'ca');
});
after(() => {
  for (const one of roots.flatMap((path) => [path, `${path}-kept`])) rmSync(one, { recursive: true, force: true });
});

const opened = () => openStore(directory);
const putBack = () => {
  rmSync(directory, { recursive: true, force: true });
  cpSync(`${root}-kept`, directory, { recursive: true });
};
/** Keeps the directory as it is, for `putBack`. */
const keep = () => {
  const kept = `${root}-kept`;
  rmSync(kept, { recursive: true, force: true });
  cpSync(directory, kept, { recursive: true });
};
/** Every CA that is trusted can sign: a list of revocations, or certificates. */
const requireKeys = async (store: Store, where: string) => {
  for (const holder of store.holders) {
    await assert.doesNotReject(unlock(store, holder, ''), `${where}: ${holder.keyFile}`);
  }
};

describe('a CA that is interrupted at any change of the disk', () => {
  test('is there with its key, or not there and can be made again', async () => {
    await crashAtEachChange({
      root,
      kinds,
      prepare: () => rmSync(directory, { recursive: true, force: true }),
      work: () => createStore(directory, old, ''),
      check: async (where, done) => {
        const store = await opened().catch((error) => {
          assert.equal(error.code, 'no-ca', where);
          return undefined;
        });
        if (done) assert.ok(store, where);
        if (store === undefined) await createStore(directory, fresh, '');
        await requireKeys(await opened(), where);
      },
      least: 15,
    });
  });

  test('has recorded what it issues, and has revoked what it reports as revoked', async () => {
    await createStore(directory, old, '');
    const known = await issue(await opened(), old, { kind: 'node', name: 'dev1', publicKey, now });
    keep();
    let issued: string | undefined;
    let revoked: string[] | undefined;
    await crashAtEachChange({
      root,
      kinds,
      prepare: () => {
        [issued, revoked] = [undefined, undefined];
        putBack();
      },
      work: async () => {
        const store = await opened();
        issued = (await issue(store, old, { kind: 'node', name: 'dev2', publicKey, now })).serialNumber;
        revoked = await revoke(store, [known.serialNumber], 'superseded', now);
      },
      check: async (where, done) => {
        const entries = await readIssued(await opened());
        assert.equal(entries[0]?.serial, known.serialNumber, where);
        if (issued !== undefined) assert.equal(entries[1]?.serial, issued, where);
        if (revoked !== undefined) assert.ok(entries[0]?.revoked, where);
        if (done) assert.deepEqual(revoked, [known.serialNumber]);
      },
      least: 14,
    });
  });

  test('gives each list a number of its own, which is on the disk before the list', async () => {
    await createStore(directory, old, '');
    await listRevoked(await opened(), [old], { now });
    keep();
    await crashAtEachChange({
      root,
      kinds,
      prepare: putBack,
      work: async () => listRevoked(await opened(), [old], { now }),
      check: async (where, done) => {
        const { number } = readCrl((await readStoredCrl(await opened())) ?? '', [old.certificate]);
        const last = Number(readFileSync(pathsIn(directory).crlNumber, 'utf8'));
        assert.ok(number === 1 || (number === 2 && last === 2), `${where}: list ${number}, number ${last}`);
        if (done) assert.equal(number, 2, where);
      },
      least: 12,
    });
  });

  test('keeps the key of each CA that is trusted, while one replaces another and when that is finished', async () => {
    await createStore(directory, old, '');
    keep();
    await crashAtEachChange({
      root,
      kinds,
      prepare: putBack,
      work: async () => beginRollover(await opened(), fresh, ''),
      check: async (where, done) => {
        const store = await opened();
        const trusted = store.holders.map(({ certificate }) => certificate.fingerprint256);
        assert.ok(trusted.includes(old.certificate.fingerprint256), `${where}: the old one is trusted`);
        if (done) assert.equal(trusted[0], fresh.certificate.fingerprint256, where);
        await requireKeys(store, where);
      },
      least: 25,
    });
    putBack();
    await beginRollover(await opened(), fresh, '');
    await endSuccession(directory);
    keep();
    await crashAtEachChange({
      root,
      kinds,
      prepare: putBack,
      work: async () => finishRollover(await opened(), [], now),
      check: async (where, done) => {
        const store = await opened();
        await requireKeys(store, where);
        if (done) assert.equal(store.holders.length, 1, where);
        if (done) assert.deepEqual(readdirSync(pathsIn(directory).previous), [], where);
      },
      least: 4,
    });
  });
});

test('the number of a list that could not be made is not given to another one', async () => {
  await createStore(directory, old, '');
  const store = await opened();
  const fails = () => {
    throw new Error('no list');
  };
  await assert.rejects(writeNextCrl(store, fails), /no list/);
  assert.equal(readCrl(await listRevoked(store, [old], { now }), [old.certificate]).number, 2);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hasRelayRole, identityOf } from '../../../../src/core/credentials/certificate.ts';
import { makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { readCrl } from '../../../../src/ca/revocation/crl.ts';
import { writeWhole } from '../../../../src/ca/store/files.ts';
import {
  certificateOf,
  findIssued,
  type Issued,
  parseIssued,
  revocationsOf,
  stateOf,
} from '../../../../src/ca/store/issued.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { issue, listRevoked, renew, revoke } from '../../../../src/ca/store/ledger.ts';
import { withLock } from '../../../../src/ca/store/lock.ts';
import { readIssued, readStoredCrl } from '../../../../src/ca/store/records.ts';
import { createStore, openStore, unlock } from '../../../../src/ca/store/store.ts';
import { pathsIn } from '../../../../src/ca/store/paths.ts';

async function temporary(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'mco-ca-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function madeStore(directory: string, passphrase = '') {
  const authority = await makeAuthority('devco.net', Date.now());
  await createStore(directory, authority, passphrase);
  return { authority, store: await openStore(directory) };
}

const order = (name: string) => ({ kind: 'node', name, publicKey: makeKeyPair().publicKey, now: Date.now() }) as const;

describe('the CA on disk', () => {
  test('is read back as it was made, and nobody else may read its key', async () => {
    await using dir = await temporary();
    const directory = join(dir.path, 'deep/ca');
    const { authority, store } = await madeStore(directory);
    assert.equal(store.realm, 'devco.net');
    assert.equal(store.certificate.fingerprint256, authority.certificate.fingerprint256);
    const [holder] = store.holders;
    assert.ok(holder);
    assert.equal((await unlock(store, holder, '')).key.equals(authority.key), true);
    assert.equal((await stat(pathsIn(directory).key)).mode & 0o777, 0o600);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
  });

  test('opens an encrypted key only with its passphrase', async () => {
    await using dir = await temporary();
    const { store } = await madeStore(dir.path, 'secret');
    assert.equal(store.encrypted, true);
    const [holder] = store.holders;
    assert.ok(holder);
    await assert.rejects(unlock(store, holder, 'wrong'), { code: 'bad-passphrase' });
    assert.equal((await unlock(store, holder, 'secret')).realm, 'devco.net');
  });

  test('refuses to make a second CA at the same path, and to open a missing or incomplete one', async () => {
    await using dir = await temporary();
    await assert.rejects(openStore(dir.path), { code: 'no-ca' });
    const { store } = await madeStore(dir.path);
    const another = await makeAuthority('devco.net', Date.now());
    await assert.rejects(createStore(dir.path, another, ''), { code: 'file-exists' });
    const [holder] = store.holders;
    assert.ok(holder);
    await writeFile(holder.certificateFile, another.certificate.toString());
    await assert.rejects(unlock(store, { ...holder, certificate: another.certificate }, ''), { code: 'bad-ca' });
    await rm(holder.keyFile);
    await assert.rejects(unlock(store, holder, ''), { code: 'unreadable-file' });
    await writeFile(holder.certificateFile, 'hello');
    await assert.rejects(openStore(dir.path), { code: 'bad-ca' });
  });

  test('records each certificate, and its revocation once', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const certificate = await issue(store, authority, order('dev1'));
    const [entry] = await readIssued(store);
    assert.equal(entry?.serial, certificate.serialNumber);
    assert.equal(entry?.name, 'dev1');
    const first = await revoke(store, [certificate.serialNumber], 'superseded', 1_000);
    const second = await revoke(store, [certificate.serialNumber], 'keyCompromise', 2_000);
    assert.deepEqual([first, second], [[certificate.serialNumber], []]);
    const [revoked] = await readIssued(store);
    assert.deepEqual(revoked?.revoked, { at: new Date(1_000).toISOString(), reason: 'superseded' });
  });

  test('renews for the same key, and not a revoked certificate', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const certificate = await issue(store, authority, order('dev1'));
    const [entry] = findIssued(await readIssued(store), 'dev1');
    assert.ok(entry);
    const renewed = await renew(store, authority, entry, { now: Date.now(), days: 10 });
    assert.equal(renewed.publicKey.equals(certificate.publicKey), true);
    assert.notEqual(renewed.serialNumber, certificate.serialNumber);
    assert.equal((await readIssued(store)).length, 2);
    const revoked = { ...entry, revoked: { at: new Date().toISOString(), reason: 'unspecified' as const } };
    await assert.rejects(async () => renew(store, authority, revoked, { now: Date.now() }), {
      code: 'revoked-certificate',
    });
  });

  test('renews an operator with its applications, and a relay as a relay', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const applications = ['shop', 'blog'];
    await issue(store, authority, { ...order('rip@devco.net'), kind: 'operator', applications });
    await issue(store, authority, { ...order('relay1'), relay: true });
    await issue(store, authority, order('dev1'));
    const now = Date.now();
    for (const entry of await readIssued(store)) await renew(store, authority, entry, { now });
    const [, node] = findIssued(await readIssued(store), 'dev1');
    if (node !== undefined) await renew(store, authority, node, { now, relay: true });
    const renewed = (await readIssued(store)).slice(3).map(certificateOf);
    assert.deepEqual(
      renewed.map((one) => [identityOf(one)?.applications ?? [], hasRelayRole(one)]),
      [
        [applications, false],
        [[], true],
        [[], false],
        [[], true],
      ],
    );
  });

  test('raises the numbers of lists without exception, even if several are made at once', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const { serialNumber } = await issue(store, authority, order('dev1'));
    await revoke(store, [serialNumber], 'unspecified', Date.now());
    const make = () => listRevoked(store, [authority], { now: Date.now(), days: 30 });
    const pems = await Promise.all([make(), make(), make(), make()]);
    const numbers = pems.map((pem) => readCrl(pem, [authority.certificate]).number);
    assert.deepEqual(numbers.sort(), [1, 2, 3, 4]);
    const kept = readCrl((await readStoredCrl(store)) ?? '', [authority.certificate]);
    assert.equal(kept.number, 4);
    assert.equal(kept.isRevoked(serialNumber), true);
  });

  test('loses no entry when many are issued at once', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const names = Array.from({ length: 12 }, (_, index) => `dev${index}`);
    await Promise.all(names.map((name) => issue(store, authority, order(name))));
    assert.deepEqual((await readIssued(store)).map(({ name }) => name).sort(), names.sort());
    assert.deepEqual((await readdir(dir.path)).sort(), ['ca.crt', 'ca.key', 'crl-number', 'issued.jsonl']);
  });

  test('names a damaged line of the issued certificates, and overwrites nothing', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    await issue(store, authority, order('dev1'));
    const { issued } = pathsIn(dir.path);
    await appendFile(issued, '{"serial":"4D\n');
    const before = await readFile(issued, 'utf8');
    await assert.rejects(issue(store, authority, order('dev2')), (error: Error) => {
      return 'code' in error && error.code === 'bad-index' && error.message.startsWith(`${issued}:2:`);
    });
    assert.equal(await readFile(issued, 'utf8'), before);
  });
});

describe('an issued certificate', () => {
  const now = Date.UTC(2026, 0, 2);
  const entry: Issued = {
    ...{ serial: '4D01', issuer: 'A', kind: 'node', name: 'dev1', certificate: '' },
    ...{ issuedAt: '', notBefore: '', notAfter: new Date(now).toISOString() },
  };
  const revoked = { at: new Date(now).toISOString(), reason: 'superseded' } as const;

  test('is valid until its last moment, and expired after it, unless it is revoked', () => {
    assert.equal(stateOf(entry, now), 'valid');
    assert.equal(stateOf(entry, now + 1), 'expired');
    assert.equal(stateOf({ ...entry, revoked }, now + 1), 'revoked');
  });

  test('is on the list of its own CA if it is revoked', () => {
    const entries = [entry, { ...entry, serial: '4D02', revoked }, { ...entry, serial: '4D03', issuer: 'B', revoked }];
    assert.deepEqual(revocationsOf(entries, 'A'), [{ serial: '4D02', at: now, reason: 'superseded' }]);
    assert.deepEqual(revocationsOf(entries, 'C'), []);
  });

  test('has a damaged line if a part of it is missing', () => {
    assert.deepEqual(parseIssued(`${JSON.stringify(entry)}\n`, 'issued.jsonl'), [entry]);
    for (const key of ['serial', 'issuer', 'kind', 'name', 'certificate']) {
      const { [key]: _left, ...rest } = entry as unknown as Record<string, unknown>;
      const text = `${JSON.stringify(entry)}\n${JSON.stringify(rest)}\n`;
      const message = 'issued.jsonl:2: the line is damaged';
      assert.throws(() => parseIssued(text, 'issued.jsonl'), { code: 'bad-index', message }, key);
    }
  });
});

describe('finding issued certificates', () => {
  test('works by name, newest first, and by serial in either spelling, or finds nothing', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    const first = await issue(store, authority, order('dev1'));
    const second = await issue(store, authority, order('dev1'));
    const entries = await readIssued(store);
    const serials = (wanted: string) => findIssued(entries, wanted).map(({ serial }) => serial);
    assert.deepEqual(serials('dev1'), [second.serialNumber, first.serialNumber]);
    const colons = first.serialNumber.toLowerCase().match(/../g)?.join(':') ?? '';
    assert.deepEqual(serials(colons), [first.serialNumber]);
    assert.throws(() => serials('dev2'), { code: 'not-issued', hint: 'did you mean “dev1”?' });
    assert.throws(() => findIssued(entries, 'dev1', 'operator'), { code: 'not-issued' });
  });

  test('requires the kind for a name that a node and an operator share', async () => {
    await using dir = await temporary();
    const { authority, store } = await madeStore(dir.path);
    await issue(store, authority, order('ci'));
    await issue(store, authority, { ...order('ci'), kind: 'operator' });
    const entries = await readIssued(store);
    assert.throws(() => findIssued(entries, 'ci'), { code: 'ambiguous-name' });
    assert.equal(findIssued(entries, 'ci', 'operator')[0]?.kind, 'operator');
  });
});

describe('the lock', () => {
  test('is released when its program was killed', async () => {
    await using dir = await temporary();
    const dead = spawn('/bin/true');
    await once(dead, 'exit');
    await writeFile(join(dir.path, 'lock'), `${hostname()} ${dead.pid} 12345\n`);
    const runs = await Promise.all([1, 2, 3].map((one) => withLock(dir.path, async () => one)));
    assert.deepEqual(runs, [1, 2, 3]);
    assert.deepEqual(await readdir(dir.path), []);
  });

  test('is released when the work fails', async () => {
    await using dir = await temporary();
    const failing = withLock(dir.path, () => Promise.reject(new Error('no')));
    await assert.rejects(failing, /no/);
    assert.equal(await withLock(dir.path, async () => 'next'), 'next');
  });
});

describe('writing a whole file', () => {
  test('sets the given mode, under any umask', async () => {
    await using dir = await temporary();
    const before = process.umask(0o777);
    try {
      await writeWhole({ path: join(dir.path, 'a'), content: 'x', mode: 0o640, replace: false });
    } finally {
      process.umask(before);
    }
    assert.equal((await stat(join(dir.path, 'a'))).mode & 0o777, 0o640);
  });

  test('leaves an existing file unless it may replace it, and no draft behind', async () => {
    await using dir = await temporary();
    const path = join(dir.path, 'a');
    await writeWhole({ path, content: 'first', mode: 0o600, replace: false });
    await assert.rejects(writeWhole({ path, content: 'second', mode: 0o600, replace: false }), { code: 'file-exists' });
    assert.equal(await readFile(path, 'utf8'), 'first');
    await writeWhole({ path, content: 'third', mode: 0o600, replace: true });
    assert.equal(await readFile(path, 'utf8'), 'third');
    const nowhere = join(dir.path, 'none/a');
    await assert.rejects(writeWhole({ path: nowhere, content: '', mode: 0o600, replace: true }), {
      code: 'unwritable-file',
    });
    assert.deepEqual(await readdir(dir.path), ['a']);
  });
});

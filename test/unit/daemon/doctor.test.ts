import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RunCommand } from '../../../src/core/ports.ts';
import type { NodeConfig } from '../../../src/daemon/config/config.ts';
import { checkClock } from '../../../src/daemon/doctor/clock.ts';
import { checkDisk } from '../../../src/daemon/doctor/disk.ts';
import { checkMetrics } from '../../../src/daemon/doctor/metrics.ts';
import { checkRelay } from '../../../src/daemon/doctor/relay.ts';
import { checkShipping } from '../../../src/daemon/doctor/shipping.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-doctor-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

const { signal } = new AbortController();
const now = Date.UTC(2026, 10, 29, 12);
const line = (sequence: number, time: number) =>
  `${JSON.stringify({ v: 1, sequence, time: new Date(time).toISOString(), kind: 'started' })}\n`;
const words = (findings: readonly { status: string; what: string }[]) =>
  findings.map(({ status, what }) => `${status} ${what}`);

describe('doctor on the metrics of a node', () => {
  test('reports a token that cannot be read, or is empty: each request would be refused', async () => {
    const look = async (token_file?: string) =>
      words(await checkMetrics({ metrics: { port: 9810, address: '::', ...(token_file && { token_file }) } }));
    assert.deepEqual(await look(), []);
    assert.deepEqual(await look(file), [`broken the token file ${file} cannot be read: no such file or directory`]);
    writeFileSync(file, '\n');
    assert.deepEqual(await look(file), [`broken the token file ${file} is empty: every request is refused`]);
    writeFileSync(file, 'secret\n');
    assert.deepEqual(await look(file), []);
  });
});

describe('doctor on the disk of a node', () => {
  const MiB = 1024 * 1024;
  const config = () => ({ audit: { file }, state: directory }) as unknown as NodeConfig;

  test('warns below 200 MiB that everybody may use, and reports less than 8 MiB as broken', async (t) => {
    let free = 0;
    // Root may use more: the daemon is not root.
    t.mock.method(fs, 'statfs', async () => ({ bavail: free, bfree: free + 1000 * MiB, bsize: 1 }));
    syncBuiltinESMExports();
    try {
      for (const [bytes, status] of [
        [0, 'broken'],
        [8 * MiB - 1, 'broken'],
        [8 * MiB, 'warning'],
        [200 * MiB - 1, 'warning'],
        [200 * MiB, 'ok'],
      ] as const) {
        free = bytes;
        const what = `${Math.round(bytes / MiB)} MiB are free in ${directory}`;
        assert.deepEqual(words(await checkDisk(config())), [`${status} ${what}`, `${status} ${what}`]);
      }
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('looks at the directory of the audit log and at that of the state', async (t) => {
    const state = join(directory, 'state');
    mkdirSync(state);
    t.mock.method(fs, 'statfs', async (path: string) => ({ bavail: path === state ? 200 : 300, bsize: MiB }));
    syncBuiltinESMExports();
    try {
      assert.deepEqual(words(await checkDisk({ ...config(), state })), [
        `ok 300 MiB are free in ${directory}`,
        `ok 200 MiB are free in ${state}`,
      ]);
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('warns of a directory that is not there yet', async () => {
    const state = join(directory, 'state');
    const [, finding] = await checkDisk({ ...config(), state });
    assert.deepEqual(
      [finding?.status, finding?.what, finding?.fix],
      ['warning', `${state} is not there yet`, 'the daemon creates it when it starts'],
    );
  });

  test('reports a directory that cannot be written', async (t) => {
    const asked: unknown[] = [];
    t.mock.method(fs, 'access', async (path: string, mode: number) => {
      asked.push(path, mode);
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    });
    syncBuiltinESMExports();
    try {
      const what = `broken ${directory} cannot be written: permission denied`;
      assert.deepEqual(words(await checkDisk(config())), [what, what]);
      assert.deepEqual(asked, [`${directory}/`, fs.constants.W_OK, `${directory}/`, fs.constants.W_OK]);
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });
});

describe('doctor on the clock of a node', () => {
  const look = async (answer: { code: number; stdout: string }) => {
    const run = (async () => answer) as unknown as RunCommand;
    const [finding, ...more] = await checkClock(file, run, signal);
    assert.deepEqual(more, []);
    return finding?.status;
  };

  test('is content with one that is synchronized, or of which nothing is known, and with no other', async () => {
    assert.equal(await look({ code: 0, stdout: 'yes\n' }), 'ok');
    assert.equal(await look({ code: 1, stdout: '' }), 'ok');
    assert.equal(await look({ code: 0, stdout: 'no\n' }), 'warning');
  });

  test('is content with one of a node whose audit log cannot be read', async () => {
    mkdirSync(file);
    assert.equal(await look({ code: 0, stdout: 'yes\n' }), 'ok');
  });

  test('warns of one that is behind the last audit record by more than a second', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now });
    for (const [ahead, status] of [
      [-1000, 'ok'],
      [1000, 'ok'],
      [1001, 'warning'],
    ] as const) {
      writeFileSync(file, line(1, now + ahead));
      assert.equal(await look({ code: 0, stdout: 'yes\n' }), status, `${ahead} ms`);
    }
  });

  test('compares it with the last of the audit records', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now });
    const ahead = now + 60_000;
    for (const [first, last, status] of [
      [ahead, now, 'ok'],
      [now, ahead, 'warning'],
    ] as const) {
      writeFileSync(file, line(1, first) + line(2, last));
      assert.equal(await look({ code: 0, stdout: 'yes\n' }), status);
    }
  });
});

describe('doctor on the receivers of an audit log', () => {
  test('reports one whose progress cannot be read', async () => {
    mkdirSync(join(directory, 'audit-ship/siem.json'), { recursive: true });
    const audit = { file, ship: { siem: {} }, spool_bytes: 1 };
    const [finding] = await checkShipping({ audit, state: directory } as unknown as NodeConfig);
    assert.equal(finding?.status, 'broken');
    assert.match(finding.what, /^the progress of “siem” cannot be read: /);
  });

  test('reports one that lacks more than is kept for it, and warns of records that wait for ten minutes', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now });
    mkdirSync(join(directory, 'audit-ship'));
    const minute = 60_000;
    const look = async (sequence: number, waiting: number, spool = 10_000) => {
      writeFileSync(file, line(1, now - 60 * minute) + line(2, now - waiting));
      const cursor = { sequence, hash: '0'.repeat(64) };
      writeFileSync(join(directory, 'audit-ship/siem.json'), JSON.stringify(cursor));
      const audit = { file, ship: { siem: {} }, spool_bytes: spool };
      const [finding] = await checkShipping({ audit, state: directory } as unknown as NodeConfig);
      return finding?.status;
    };
    assert.equal(await look(2, 60 * minute), 'ok', 'it has all');
    assert.equal(await look(1, 10 * minute - 1), 'ok');
    assert.equal(await look(1, 10 * minute), 'warning');
    const { length } = line(2, now);
    assert.equal(await look(1, 0, length), 'ok');
    assert.equal(await look(1, 0, length - 1), 'broken');
    assert.deepEqual(await checkShipping({ audit: { file }, state: directory } as unknown as NodeConfig), []);
  });
});

describe('doctor on a relay', () => {
  const look = async (mdns: boolean) =>
    words(
      await checkRelay({ relay: {}, policies: directory, discovery: { mdns } } as unknown as NodeConfig, undefined),
    ).map((one) => one.replace(/ it has no peers: .*| its peers are .*/, ''));

  test('reports one that nobody may use, or that has no peers', async () => {
    const closed = `broken ${directory} has no relay.policy: nobody may use the relay`;
    assert.deepEqual(await look(true), [closed, 'ok']);
    writeFileSync(join(directory, 'relay.policy'), '');
    assert.deepEqual([await look(true), await look(false)], [['ok'], ['broken']]);
    rmSync(join(directory, 'relay.policy'));
    writeFileSync(join(directory, 'default.policy'), '');
    assert.deepEqual(await look(true), ['ok']);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test';
import type { AuditEvent, ChainState } from '../../../../src/core/audit/record.ts';
import { verifyAuditLog } from '../../../../src/core/audit/verify-log.ts';
import { type AuditLog, openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { type AuditLimits, endless } from '../../../../src/daemon/audit/files/rotate.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const hour = 60 * 60_000;

let fleet: Fleet;
let node: Member;
let directory: string;
let file: string;
let time: number;

before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net', { notBefore: Date.now() - 400 * hour });
});
after(() => fleet.remove());
beforeEach(() => {
  // The delayed sync runs when a test says so.
  mock.timers.enable({ apis: ['setTimeout'] });
  directory = mkdtempSync('/dev/shm/mco-audit-');
  file = join(directory, 'log', 'audit.jsonl');
  mkdirSync(join(directory, 'log'));
});
afterEach(() => {
  mock.timers.reset();
  rmSync(directory, { recursive: true });
});

/** Two records, of some 1,000 bytes each, fill a file, and one file is kept beside it. */
const limits: AuditLimits = { ...endless, maxBytes: 1900, keep: { files: 1 } };
const open = () =>
  openAuditLog(
    file,
    () => node.credentials,
    () => time,
    limits,
    join(directory, 'state', 'audit.json'),
  );
const started = (): AuditEvent => ({
  kind: 'started',
  version: '0.1.0',
  certificate: node.certificate.raw.toString('base64'),
});

/** Syncs the records that are not synced yet, as happens a moment after they were written. */
async function syncLater(log: AuditLog): Promise<void> {
  const synced = new Promise<void>((resolve) => log.onSafe(resolve));
  mock.timers.tick(50);
  await synced;
}

/** Writes records two hours apart, so that old files may go; `onHead` receives the signed head after each. */
async function writeRecords(number: number, onHead: (head: ChainState) => void): Promise<void> {
  const log = await open();
  for (let count = 0; count < number; count++) {
    time += 2 * hour;
    await log.append(started(), count % 2 === 0);
    // The first sync runs beside the next record, the second one before the end.
    if (count === 1) mock.timers.tick(50);
    if (count === 3) await syncLater(log);
    const { sequence, hash } = log.head();
    onHead({ sequence, hash: hash.toString('hex') });
  }
  await log.close();
}

describe('an audit log whose daemon is interrupted at any change of the disk', () => {
  test('contains every record that a signed head has covered, in one chain, with a record of each deleted file', async () => {
    let head: ChainState | undefined;
    let deleted = 0;
    await crashAtEachChange({
      root: directory,
      kinds: ['kill', 'power', 'power-names'],
      prepare: () => {
        for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
        head = undefined;
        time = Date.now() - 300 * hour;
      },
      work: () =>
        writeRecords(4, (latest) => {
          head = latest;
        }),
      check: async (where) => {
        const log = await open();
        await log.append(started(), true);
        assert.deepEqual(log.warnings(), [], where);
        await log.close();
        const heads = head === undefined ? [] : [head];
        const { fault, start } = await verifyAuditLog(file, fleet.trust, { heads });
        assert.equal(fault, undefined, `${where}: ${fault?.message}`);
        if (start.sequence > 0) deleted++;
      },
      least: 25,
    });
    assert.ok(deleted > 0, 'no file was deleted');
  });
});

describe('an audit log', () => {
  test('deletes an old file only when the record of that is on the disk', async () => {
    time = Date.now() - 300 * hour;
    const calls = await recordChanges(directory, () => writeRecords(5, () => {}));
    const gone = calls.flatMap((call, at) => (/^rm log\/audit-\d+\.jsonl$/.test(call) ? [at] : []));
    assert.ok(gone.length > 0, calls.join(', '));
    for (const at of gone) {
      const renamed = calls.lastIndexOf('rename log/audit.jsonl', at);
      const synced = calls.lastIndexOf('datasync log/audit.jsonl', at);
      assert.ok(renamed >= 0 && synced > renamed, calls.join(', '));
    }
  });

  test('syncs a full file before the next one takes its name, and the names after it', async () => {
    time = Date.now() - 300 * hour;
    const calls = await recordChanges(directory, () => writeRecords(4, () => {}));
    const at = calls.findIndex((call) => call.startsWith('rename log/audit-'));
    assert.deepEqual(calls.slice(at - 2, at + 3), [
      'datasync log/audit.jsonl',
      'open log/audit.jsonl.next',
      'rename log/audit-000000000001.jsonl',
      'rename log/audit.jsonl',
      'sync log/',
    ]);
  });
});

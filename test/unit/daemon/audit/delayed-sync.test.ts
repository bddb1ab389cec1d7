import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import type { AuditEvent } from '../../../../src/core/audit/record.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { startDelayedSync } from '../../../../src/daemon/audit/delayed-sync.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { until } from '../../../support/until.ts';

describe('a record that its caller does not wait for', () => {
  let fleet: Fleet;
  let node: Member;
  let directory: string;

  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev2.devco.net');
    directory = await mkdtemp(join(tmpdir(), 'mco-audit-'));
  });
  after(async () => {
    await fleet.remove();
    await rm(directory, { recursive: true });
  });

  test('is synced once with the others of its moment, after 50 ms', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      let syncs = 0;
      const delayed = startDelayedSync(async () => {
        syncs++;
      });
      for (let record = 0; record < 5; record++) delayed.schedule();
      mock.timers.tick(49);
      assert.equal(syncs, 0);
      mock.timers.tick(1);
      assert.equal(syncs, 1);
      mock.timers.tick(100);
      assert.equal(syncs, 1, 'nothing was written since');
      delayed.schedule();
      mock.timers.tick(50);
      assert.equal(syncs, 2);
      delayed.schedule();
      delayed.stop();
      mock.timers.tick(100);
      assert.equal(syncs, 2);
      delayed.schedule();
      mock.timers.tick(50);
      assert.equal(syncs, 3, 'what is written after a stop is synced, too');
    } finally {
      mock.timers.reset();
    }
  });

  test('is in the signed head when it is on the disk, and not before; an awaited one at once', async () => {
    const log = await openAuditLog(join(directory, 'audit.jsonl'), () => node.credentials, Date.now);
    const certificate = node.certificate.raw.toString('base64');
    const event: AuditEvent = { kind: 'started', version: '0.1.0', certificate };
    try {
      await log.append(event, true);
      assert.equal(log.head().sequence, 1);
      await log.append(event, false);
      assert.equal(log.head().sequence, 1);
      await until('record 2 is on the disk', () => log.head().sequence >= 2, 0);
      await log.append(event, false);
      await log.append(event, true);
      assert.equal(log.head().sequence, 4);
    } finally {
      await log.close();
    }
  });
});

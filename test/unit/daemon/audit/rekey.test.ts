import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { verifyAudit } from '../../../../src/core/audit/verify.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
let directory: string;
before(async () => {
  fleet = await makeFleet();
  directory = mkdtempSync('/dev/shm/mco-rekey-');
});
after(async () => {
  rmSync(directory, { recursive: true });
  await fleet.remove();
});

const certificateOf = ({ certificate }: Member) => certificate.raw.toString('base64');

/** A log of a node that begins with one key; `renew` gives the node another. */
async function startLog(name: string) {
  const file = join(directory, name);
  const [old, fresh] = await Promise.all([fleet.node('dev2.devco.net'), fleet.node('dev2.devco.net')]);
  let current = old;
  const open = () => openAuditLog(file, () => current.credentials, Date.now);
  const log = await open();
  const life = (kind: 'started' | 'certificate' | 'stopped') =>
    ({ kind, version: '1', certificate: certificateOf(current) }) as const;
  await log.append(life('started'), true);
  const renew = () => {
    current = fresh;
  };
  const verified = () => {
    const { fault, end } = verifyAudit(readFileSync(file, 'utf8'), fleet.trust);
    return [fault?.message, end.sequence];
  };
  return { file, log, open, life, renew, verified };
}

const note = (torn: string) => ({ kind: 'recovered', torn_bytes: 1, torn }) as const;

describe('a new key of a node', () => {
  test('signs from the record on that brings its certificate, whatever waited before it', async () => {
    const { log, life, renew, verified } = await startLog('waiting.jsonl');
    const waiting = [log.append(note('a'), true), log.append(note('b'), true)];
    renew();
    await Promise.all([...waiting, log.append(life('certificate'), true)]);
    await log.append(note('c'), true);
    await log.close();
    assert.deepEqual(verified(), [undefined, 5]);
  });

  test('does not sign where its certificate was never recorded, not even the end of the daemon', async () => {
    const { log, life, renew, verified } = await startLog('unrecorded.jsonl');
    renew();
    await log.append(note('a'), true);
    await log.append(life('stopped'), true);
    await log.close();
    assert.deepEqual(verified(), [undefined, 3]);
  });

  test('signs what a crash had cut off when the daemon starts again', async () => {
    const { file, log, open, life, renew, verified } = await startLog('cut.jsonl');
    await log.close();
    appendFileSync(file, '{"half of a li');
    renew();
    const next = await open();
    await next.append(life('started'), true);
    await next.close();
    assert.deepEqual(verified(), [undefined, 3]);
  });
});

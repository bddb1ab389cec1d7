import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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

test('a certificate with a new key signs from the record on that brings it, whatever waited before it', async () => {
  const file = join(directory, 'audit.jsonl');
  const [old, fresh] = await Promise.all([fleet.node('dev2.devco.net'), fleet.node('dev2.devco.net')]);
  let current = old;
  const log = await openAuditLog(file, () => current.credentials, Date.now);
  await log.append({ kind: 'started', version: '1', certificate: certificateOf(old) }, true);
  const waiting = ['a', 'b'].map((torn) => log.append({ kind: 'recovered', torn_bytes: 1, torn }, true));
  current = fresh;
  const renewed = log.append({ kind: 'certificate', version: '1', certificate: certificateOf(fresh) }, true);
  await Promise.all([...waiting, renewed]);
  await log.append({ kind: 'recovered', torn_bytes: 1, torn: 'c' }, true);
  await log.close();
  const { fault, end } = verifyAudit(readFileSync(file, 'utf8'), fleet.trust);
  assert.deepEqual([fault, end.sequence], [undefined, 5]);
});

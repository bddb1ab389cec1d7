import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyAudit } from '../../../../src/core/audit/verify.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
before(async () => {
  fleet = await makeFleet();
});
after(() => fleet.remove());
const certificateOf = (m: { certificate: { raw: Buffer } }) => m.certificate.raw.toString('base64');

test('a certificate with a new key signs from the record on that brings it, whatever waited before it', async () => {
  const file = join(mkdtempSync('/dev/shm/rekey-'), 'audit.jsonl');
  const [old, fresh] = [await fleet.node('dev2.devco.net'), await fleet.node('dev2.devco.net')];
  let current = old;
  const log = await openAuditLog(file, () => current.credentials, Date.now);
  await log.append({ kind: 'started', version: '1', certificate: certificateOf(old) } as never, true);
  const a = log.append({ kind: 'recovered', torn_bytes: 1, torn: 'a' }, true);
  const b = log.append({ kind: 'recovered', torn_bytes: 1, torn: 'b' }, true);
  current = fresh;
  const c = log.append({ kind: 'certificate', version: '1', certificate: certificateOf(fresh) } as never, true);
  await Promise.all([a, b, c]);
  await log.append({ kind: 'recovered', torn_bytes: 1, torn: 'd' }, true);
  await log.close();
  assert.deepEqual(verifyAudit(readFileSync(file, 'utf8'), fleet.trust).fault, undefined);
});

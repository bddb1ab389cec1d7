import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyAuditLog } from '../../../src/core/audit/verify-log.ts';
import { attackDaemon } from '../../support/attack/attack.ts';
import { oneOf } from '../../support/points.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';

/** Enough for every kind of attack, many times over where every point is tried; “npm run soak” takes ten minutes. */
const seconds = 12 / oneOf;

let fleet: Fleet;
before(async () => {
  fleet = await makeFleet();
});
after(() => fleet.remove());

test('a daemon under random bytes, frames and messages keeps serving, and releases its memory', async () => {
  const { rounds, goodCalls, auditFile } = await attackDaemon(fleet, seconds);
  for (const [kind, made] of Object.entries(rounds)) assert.ok(made > 0, kind);
  assert.ok(goodCalls > 0);
  assert.equal((await verifyAuditLog(auditFile, fleet.trust)).fault, undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renewalOf } from '../../../../src/library/runs/renewal.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';

test('before the next command an operator renews a certificate that has expired, and solves what else keeps nodes from accepting it', async () => {
  await using fleet = await makeFleet();
  const now = Date.now();
  const rip = await fleet.operator('rip@devco.net', { notAfter: now + 60_000 });
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  assert.equal(renewalOf(caller, now), undefined);
  assert.equal(renewalOf(caller, now + 61_000), '“mco-deploy ca renew rip@devco.net” where the CA is');
  fleet.revoke(rip);
  assert.equal(renewalOf(caller, now), 'this is solved: the certificate of operator rip@devco.net was revoked');
});

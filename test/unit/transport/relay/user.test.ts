import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proveUser } from '../../../../src/transport/relay/users/user.ts';
import { type Member, makeFleet } from '../../../support/fleet/fleet.ts';

test('a relay is used by operators and by nodes that may relay, with a valid certificate', async () => {
  await using fleet = await makeFleet();
  const prove = (member?: Member) => proveUser(member?.certificate.raw, fleet.trust, Date.now()).name;
  const operator = await fleet.operator('rip@devco.net');
  const relay = await fleet.node('bastion.devco.net', { relay: true });
  const node = await fleet.node('dev1.devco.net');
  assert.equal(prove(operator), 'rip@devco.net');
  assert.equal(prove(relay), 'bastion.devco.net');
  assert.throws(() => prove(node), {
    code: 'wrong-kind',
    message: 'the certificate of dev1.devco.net does not let it relay',
  });
  assert.throws(() => prove(), { code: 'foreign-certificate' });
  for (const one of [operator, relay]) {
    fleet.revoke(one);
    assert.throws(() => prove(one), { code: 'revoked-certificate' });
  }
});

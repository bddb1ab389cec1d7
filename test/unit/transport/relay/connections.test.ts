import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { ProvenChannel } from '../../../../src/transport/dial.ts';
import { peerConnectionOver } from '../../../../src/transport/relay/peer-connection.ts';
import { relayConnectionOver } from '../../../../src/transport/relay/relay-connection.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
let plain: Member;
let relay: Member;
before(async () => {
  fleet = await makeFleet();
  plain = await fleet.node('web1.devco.net');
  relay = await fleet.node('bastion.devco.net', { relay: true });
});
after(() => fleet.remove());

const revoked = new Problem('revoked-certificate', 'its certificate was revoked meanwhile');
const { signal } = new AbortController();

/** A channel of a node that is revoked after its handshake: nothing may be sent over it. */
function channelTo({ identity, certificate }: Member): ProvenChannel {
  const client = new Proxy({} as ProvenChannel['client'], {
    get: (_target, method) => assert.fail(`${String(method)} was called`),
  });
  return { client, name: identity.name, refuse: () => revoked, certificate: certificate.raw };
}

describe('a node that is revoked after its handshake', () => {
  test('is not asked for nodes any more', async () => {
    const { discover } = relayConnectionOver(channelTo(relay));
    const nothing = () => assert.fail('no node is reported');
    await assert.rejects(discover({ timeout: 0, names: [] }, nothing, signal), revoked);
  });

  test('receives no request from a relay any more', async () => {
    const { sealed } = peerConnectionOver(channelTo(plain));
    const request = {
      key: Buffer.alloc(0),
      salt: Buffer.alloc(0),
      nonce: Buffer.alloc(0),
      ciphertext: Buffer.alloc(0),
    };
    await assert.rejects(
      sealed(request as never, () => assert.fail('no event comes'), signal),
      revoked,
    );
  });
});

test('a peer is a relay on the way only if its certificate has that role', () => {
  const [without, having] = [plain, relay].map((member) => peerConnectionOver(channelTo(member)));
  assert.equal(without?.relay, undefined);
  assert.deepEqual([having?.relay?.name, having?.relay?.hasRole], ['bastion.devco.net', true]);
});

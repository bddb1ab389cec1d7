import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { counted } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { startRelayClient } from '../../support/relay/relay-client.ts';
import { startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';

const count = { action: 'count', input: {} };

interface Site {
  readonly fleet: Fleet;
  readonly rip: Member;
  readonly node: TestNode;
  readonly relay: TestNode;
}

/** Revocation in the middle of a run over a relay: whichever of the three it is, nothing more is done for it. */
describe('a peer that is revoked while a client works over a relay', () => {
  const withSite = async (work: (site: Site) => Promise<void>) => {
    await using fleet = await makeFleet();
    const rip = await fleet.operator('rip@devco.net');
    await using node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
    await using relay = await startRelayNode(fleet, 'bastion.devco.net', [node]);
    await work({ fleet, rip, node, relay });
  };
  const install = async (fleet: Fleet, ...nodes: TestNode[]) => {
    const list = await fleet.crl();
    for (const { directory, daemon } of nodes) {
      await writeFile(join(directory, 'crl.pem'), list);
      await daemon.reload();
    }
  };
  const begin = async ({ fleet, rip, relay }: Site) => {
    const client = startRelayClient([{ name: relay.name, port: relay.daemon.port }], rip, fleet.trust);
    const connection = await client.connect('dev1.devco.net');
    assert.equal((await client.call(connection, count)).outcome, 'ok');
    return { client, connection, before: counted.times };
  };

  test('is refused by the node if it is an operator, and that is recorded', () =>
    withSite(async (site) => {
      const { client, connection, before } = await begin(site);
      site.fleet.revoke(site.rip);
      await install(site.fleet, site.node);
      const { outcome, code } = await client.call(connection, count);
      await client.relays.close();
      assert.deepEqual([outcome, code, counted.times], ['refused', 'revoked-certificate', before]);
      const last = (await site.node.records()).at(-1);
      assert.equal(last?.kind === 'outcome' && last.code, 'revoked-certificate');
    }));

  test('receives nothing as an operator through a relay that knows of it, even from nodes that do not', () =>
    withSite(async (site) => {
      const { client, connection, before } = await begin(site);
      site.fleet.revoke(site.rip);
      await install(site.fleet, site.relay);
      const { outcome } = await client.call(connection, count, 1500);
      await client.relays.close();
      assert.deepEqual([outcome, counted.times], ['no-response', before]);
    }));

  test('receives nothing as a node from a relay that knows of it, and its replies are not trusted', () =>
    withSite(async (site) => {
      const { client, connection, before } = await begin(site);
      const { certificate } = site.node;
      site.fleet.revoke({ certificate });
      const disbelieved = await client.call(connection);
      assert.deepEqual([disbelieved.outcome, disbelieved.code], ['failed', 'revoked-certificate']);
      await install(site.fleet, site.relay);
      const { outcome } = await client.call(connection, count, 1500);
      await client.relays.close();
      assert.notEqual(outcome, 'ok');
      assert.equal(counted.times, before);
    }));

  test('is no longer used as a relay by its client, and no node accepts its requests', () =>
    withSite(async (site) => {
      const { client, connection, before } = await begin(site);
      site.fleet.revoke({ certificate: site.relay.certificate });
      const left = await client.call(connection, {}, 1500);
      assert.notEqual(left.outcome, 'ok');
      await client.relays.close();

      // A client that does not know it yet gets no further.
      const trusting = { ...site.fleet.trust, isRevoked: () => false };
      await install(site.fleet, site.node);
      const other = startRelayClient([{ name: site.relay.name, port: site.relay.daemon.port }], site.rip, trusting);
      const reached = await other.connect('dev1.devco.net').then(
        (open) => other.call(open, count, 1500),
        () => undefined,
      );
      await other.relays.close();
      assert.notEqual(reached?.outcome, 'ok');
      assert.equal(counted.times, before);
    }));
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';

describe('nodes behind a relay', () => {
  let fleet: Fleet;
  let relay: TestNode;
  let home: string;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    home = join(fleet.dir, 'home');
    for (const name of ['dev1.devco.net', 'dev2.devco.net']) {
      nodes.push(await startTestNode(fleet, { name, agents: testAgents }));
    }
    relay = await startRelayNode(fleet, 'bastion.devco.net', nodes);
    await makeHome(fleet, home, relayLine([relay]));
  });
  after(async () => {
    await relay[Symbol.asyncDispose]();
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('are found by ping, each with its path, and the relay is a node among them', async () => {
    const { code, out, err } = await runInProcess(['ping', '-v'], home);
    assert.deepEqual([code, err], [0, []], err.join('\n'));
    assert.deepEqual(
      out.slice(0, 3).map((line) => line.replace(/ +time=[0-9.]+ ms/, '')),
      ['bastion.devco.net', 'dev1.devco.net', 'dev2.devco.net'].map((name) => `${name} via bastion.devco.net`),
    );
  });

  test('are called, and each record names the relay that brought the request', async () => {
    const { code, out } = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev2.devco.net', '--json'], home);
    assert.equal(code, 0);
    assert.deepEqual(
      (JSON.parse(out.join('\n')) as { node: string }[]).map(({ node }) => node),
      ['dev2.devco.net'],
    );
    const intent = (await nodes[1]?.records())?.findLast((record) => record.kind === 'intent');
    assert.ok(intent?.kind === 'intent');
    assert.deepEqual(
      [intent.caller, intent.relay, intent.verdict],
      ['cert=rip@devco.net', 'bastion.devco.net', 'verified'],
    );
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHomeWith, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';

describe('a relay at its limit', () => {
  let fleet: Fleet;
  let home: string;
  let port: number;
  let relay: TestNode;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    home = join(fleet.dir, 'home');
    port = await freePort();
    for (const name of ['dev1.devco.net', 'dev2.devco.net']) {
      nodes.push(await startTestNode(fleet, { name, agents: testAgents }));
    }
    const settings = 'socket: false, max_calls: 2';
    relay = await startRelayNode(fleet, 'bastion.devco.net', nodes, { settings, more: `metrics: { port: ${port} }\n` });
    await makeHomeWith(fleet, home, `${relayLine([relay])}\ntimeout: 60`);
  });
  after(async () => {
    for (const node of [relay, ...nodes]) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^mco_deploy_relay_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };

  test('refuses the next request, which is reported as not done; then it accepts requests again', async () => {
    assert.deepEqual([await metric('peers_known'), await metric('requests_running')], [2, 0]);
    const began = once(probeCalls, 'wait');
    const first = runInProcess(['rpc', 'probe', 'wait', '-I', 'dev1.devco.net'], home);
    const early = await Promise.race([began, first]);
    assert.ok(Array.isArray(early), JSON.stringify(early));
    assert.equal(await metric('requests_running'), 1);
    const withheld = await metric('withheld_total');
    // A command on one node sends two requests at once: the call, and the question for a description.
    const second = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev2.devco.net', '--json'], home);
    assert.notEqual(second.code, 0);
    assert.match([...second.out, ...second.err].join('\n'), /dev2\.devco\.net/);
    assert.ok((await metric('withheld_total')) > withheld);
    for (const end of waiting.splice(0)) end();
    assert.equal((await first).code, 0, (await first).err.join('\n'));
    const forwarded = await metric('forwarded_total');
    const third = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev2.devco.net'], home);
    assert.equal(third.code, 0, third.err.join('\n'));
    assert.ok((await metric('forwarded_total')) > forwarded);
    assert.equal(await metric('requests_running'), 0);
    assert.equal(await metric('connections_warm'), 2);
  });
});

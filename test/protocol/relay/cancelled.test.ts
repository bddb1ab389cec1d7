import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { probeCalls } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHomeWith, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';
import { within } from '../../support/until.ts';

describe('a call over a relay that its operator interrupts', () => {
  let fleet: Fleet;
  let node: TestNode;
  let relay: TestNode;
  let home: string;

  before(async () => {
    fleet = await makeFleet();
    node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
    relay = await startRelayNode(fleet, 'bastion.devco.net', [node]);
    home = join(fleet.dir, 'home');
    await makeHomeWith(fleet, home, relayLine([relay]));
  });
  after(async () => {
    for (const one of [relay, node]) await one[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('ends on the node, too, before the command ends its connection to the relay', async () => {
    const control = new AbortController();
    const [began, ended] = [once(probeCalls, 'watch'), once(probeCalls, 'unwatched')];
    const { signal } = control;
    const command = runInProcess(['rpc', 'probe', 'watch', '-I', 'dev1.devco.net'], home, { signal });
    await within('the call', began);
    control.abort();
    const { code } = await command;
    assert.equal(code, 130);
    await within('its end on the node', ended);
  });

  test('ends also if its relay is lost at the same time', async () => {
    const control = new AbortController();
    const began = once(probeCalls, 'watch');
    const { signal } = control;
    const command = runInProcess(['rpc', 'probe', 'watch', '-I', 'dev1.devco.net'], home, { signal });
    await within('the call', began);
    const stopped = relay[Symbol.asyncDispose]();
    control.abort();
    assert.notEqual((await within('the end of the command', command)).code, 0);
    await stopped;
  });
});

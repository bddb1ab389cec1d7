import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { lockConfigSchema } from '../../../src/agents/lock/config.ts';
import { lockDdl } from '../../../src/agents/lock/ddl.ts';
import type { AgentEntry } from '../../../src/core/agent.ts';
import type { CallOptions } from '../../../src/core/request/seal.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';
import { counted, probeAgent } from '../../support/agents/probe-agent.ts';

const lockAgent: AgentEntry = {
  ddl: lockDdl,
  config: lockConfigSchema,
  load: async () => (await import('../../../src/agents/lock/agent.ts')).startLock,
};
const run = { runId: 'a'.repeat(32), lease: 'app/bravo' };

let fleet: Fleet;
let rip: Member;
let eve: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = [await fleet.operator('rip@devco.net'), await fleet.operator('eve@devco.net')];
});
after(() => fleet.remove());

async function take(node: TestNode, operator: Member, runId = run.runId) {
  const order = { agent: 'lock', action: 'take', input: { name: 'app/bravo', ttl: 30, from: 'test' }, runId };
  const reply = await node.call(operator, order);
  return { code: reply.code, fence: Number(JSON.parse(reply.data.toString()).fence ?? 0) };
}

function count(node: TestNode, operator: Member, options: Partial<CallOptions>) {
  return node.call(operator, { agent: 'probe', action: 'count', input: {}, ...options });
}

describe('a request under a lease', () => {
  test('goes on while its run holds it, over a restart of the daemon; with an older number it is refused', async () => {
    await using node = await startTestNode(fleet, { agents: [probeAgent, lockAgent] });
    const first = await take(node, rip);
    assert.equal((await count(node, rip, { ...run, fence: first.fence })).outcome, 'ok');
    await node.restart();
    assert.equal((await count(node, rip, { ...run, fence: first.fence })).outcome, 'ok');
    const second = await take(node, rip);
    const times = counted.times;
    const stale = await count(node, rip, { ...run, fence: first.fence });
    assert.equal(stale.outcome, 'refused');
    assert.equal(stale.code, 'stale-lease');
    assert.equal(counted.times, times);
    const last = (await node.records()).at(-1);
    assert.ok(last?.kind === 'outcome' && last.code === 'stale-lease');
    assert.equal((await count(node, rip, { ...run, fence: second.fence })).outcome, 'ok');
  });

  test('is refused when another operator holds it, and when the node keeps no leases', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev4.devco.net',
      agents: [probeAgent, lockAgent],
      policies: { default: 'policy default deny\nallow\tcert=rip@devco.net cert=eve@devco.net\t*\t*\t*\n' },
    });
    const { fence } = await take(node, rip);
    assert.equal((await take(node, eve, 'b'.repeat(32))).code, 'lease-held');
    assert.equal((await count(node, eve, { ...run, fence })).code, 'stale-lease');
    await using bare = await startTestNode(fleet, { name: 'dev6.devco.net' });
    assert.equal((await count(bare, rip, { ...run, fence })).code, 'stale-lease');
  });

  test('can be taken, broken or used up by nobody whom the policy does not let', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev8.devco.net',
      agents: [probeAgent, lockAgent],
      policies: { default: allowRip },
    });
    const { fence } = await take(node, rip);
    for (const order of [
      { agent: 'lock', action: 'take', input: { name: 'app/alfa', ttl: 30 }, runId: run.runId },
      { agent: 'lock', action: 'break', input: { name: 'app/bravo' } },
      { agent: 'lock', action: 'release', input: { name: 'app/bravo', fence }, runId: run.runId },
    ])
      assert.equal((await node.call(eve, order)).code, 'policy-denied');
    const next = await take(node, rip);
    assert.equal(next.fence, fence + 1);
  });
});

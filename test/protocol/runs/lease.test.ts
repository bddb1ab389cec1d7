import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lockConfigSchema } from '../../../src/agents/lock/config.ts';
import { lockDdl } from '../../../src/agents/lock/ddl.ts';
import type { AgentEntry } from '../../../src/core/agent.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { callDefaults, type CallOptions, newId } from '../../../src/core/request/request.ts';
import { callNode } from '../../../src/library/fleet/call-node.ts';
import { releaseLease } from '../../../src/library/runs/release-lease.ts';
import { counted, probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { until } from '../../support/until.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';

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
  const { fence = 0, since = 0 } = JSON.parse(reply.data.toString()) as { fence?: number; since?: number };
  return { code: reply.code, fence, since };
}

function count(node: TestNode, operator: Member, options: Partial<CallOptions>) {
  return node.call(operator, { agent: 'probe', action: 'count', input: {}, ...options });
}

describe('a request under a lease', () => {
  test('runs while its run holds the lease, over a restart of the daemon, and is refused with an older number', async () => {
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

  test('is refused when another operator holds it, and when the node does not keep leases', async () => {
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

  test('cannot be taken, broken or used by callers that the policy refuses', async () => {
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

describe('a call of a run that another operator took over', () => {
  const policies = {
    default: 'policy default deny\nallow\tcert=rip@devco.net cert=eve@devco.net cert=joe@devco.net\t*\t*\t*\n',
    probe: 'policy default deny\nallow\tcert=rip@devco.net cert=eve@devco.net\t*\t*\t*\n',
  };
  const call = { ...run, requestId: 'c'.repeat(32) };
  /** Ends whatever lease there is, and takes the run's own for another operator. */
  const takeOver = async (node: TestNode, operator: Member) => {
    await node.call(operator, { agent: 'lock', action: 'break', input: { name: 'app/bravo' } });
    return (await take(node, operator)).fence;
  };

  test('is not carried out twice: the operator who repeats it gets its result, also after a restart', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev1.devco.net',
      agents: [probeAgent, lockAgent],
      policies,
    });
    const first = await count(node, rip, { ...call, fence: (await take(node, rip)).fence });
    const times = counted.times;
    const fence = await takeOver(node, eve);
    const again = await count(node, eve, { ...call, fence });
    assert.deepEqual([again.outcome, again.recorded, counted.times], ['ok', true, times]);
    assert.equal(again.data.toString(), first.data.toString());
    assert.equal((await count(node, rip, { ...call, fence: fence - 1, try: 2 })).code, 'stale-lease');
    await node.restart();
    const ann = await fleet.operator('ann@devco.net');
    assert.equal((await count(node, ann, { ...call, fence })).outcome, 'refused');
    const eves = await takeOver(node, eve);
    assert.equal((await count(node, eve, { ...call, fence: eves })).outcome, 'ok');
    assert.equal(counted.times, times);
    assert.equal((await count(node, eve, { ...call, fence: eves, try: 2 })).outcome, 'ok');
    assert.equal(counted.times, times + 1, 'another try is made');
  });

  test('is awaited, not repeated, while it still runs', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev3.devco.net',
      agents: [probeAgent, lockAgent],
      policies,
    });
    const wait = { agent: 'probe', action: 'wait', input: {}, ...call };
    const begun = once(probeCalls, 'wait');
    const first = node.call(rip, { ...wait, fence: (await take(node, rip)).fence });
    await begun;
    const second = node.call(eve, { ...wait, fence: await takeOver(node, eve) });
    for (const end of waiting.splice(0)) end();
    assert.deepEqual([(await first).outcome, (await second).outcome], ['ok', 'ok']);
    assert.equal(waiting.length, 0, 'it was not begun again');
  });

  test('is refused to callers without the right, and made for callers who were only refused before', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev5.devco.net',
      agents: [probeAgent, lockAgent],
      policies,
    });
    const joe = await fleet.operator('joe@devco.net');
    assert.equal((await count(node, rip, { ...call, fence: 7 })).code, 'stale-lease');
    await count(node, rip, { ...call, try: 2, fence: (await take(node, rip)).fence });
    const times = counted.times;
    assert.equal((await count(node, joe, { ...call, try: 2, fence: await takeOver(node, joe) })).code, 'policy-denied');
    const fence = await takeOver(node, eve);
    assert.equal((await count(node, eve, { ...call, fence })).outcome, 'ok');
    assert.equal(counted.times, times + 1);
  });
});

describe('a lease whose release a node refuses', () => {
  const mayNotRelease = 'policy default deny\nallow\tcert=rip@devco.net\ttake renew list\t*\t*\n';

  /** Releases it as the end of a run does. @param between what happens before each further try */
  async function releaseOn(node: TestNode, between: () => Promise<unknown>): Promise<string[]> {
    const connection = await node.dial(rip);
    const settings = { timeout: 10_000, changes: true, onProgress: () => {}, signal: new AbortController().signal };
    const caller = { credentials: rip.credentials, trust: fleet.trust };
    const ask = (target: string, action: string, input: JsonObject) => {
      const order = { ...callDefaults, requestId: newId(), target, agent: 'lock', action, input, runId: run.runId };
      return callNode(connection, order, caller, settings);
    };
    const reports: string[] = [];
    const report = (line: string) => reports.push(line);
    const options = { name: run.lease, runId: run.runId, ttl: 30, from: 'test', ask, report, pause: between };
    try {
      await releaseLease(options, new Map([[node.name, (await take(node, rip)).fence]]));
    } finally {
      connection.close();
    }
    return reports;
  }

  const heldOn = async (node: TestNode): Promise<number> => {
    const reply = await node.call(rip, { agent: 'lock', action: 'list', input: {} });
    return JSON.parse(reply.data.toString()).leases.length;
  };

  test('is reported, and released as soon as the node allows it', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev10.devco.net',
      agents: [probeAgent, lockAgent],
      policies: { default: allowRip, lock: mayNotRelease },
    });
    let tries = 0;
    const reports = await releaseOn(node, async () => {
      if (++tries < 2) return;
      await writeFile(join(node.directory, 'policies/lock.policy'), allowRip);
      await node.daemon.reload();
    });
    assert.equal(tries, 2);
    assert.equal(reports.length, 2, reports.join('\n'));
    assert.match(
      reports[0] ?? '',
      /^dev10\.devco\.net did not release the lease “app\/bravo”: cert=rip@devco\.net may not lock\.release on .*; trying again$/,
    );
    assert.equal(reports[1], 'the lease “app/bravo” is released now');
    assert.equal(await heldOn(node), 0);
  });

  test('is reported as held if the node never allows it, and the same run takes it again', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev12.devco.net',
      agents: [probeAgent, lockAgent],
      policies: { default: allowRip, lock: mayNotRelease },
    });
    const reports = await releaseOn(node, async () => {});
    const last = reports.at(-1) ?? '';
    assert.match(
      last,
      /^warning: the lease “app\/bravo” is still held on dev12\.devco\.net; it ends by itself within 30 s/,
    );
    assert.match(last, new RegExp(`“mco-deploy resume ${run.runId}” takes it over`));
    assert.equal(await heldOn(node), 1);
    assert.ok((await take(node, rip)).fence > 1);
  });
});

describe('a lease that several nodes keep', () => {
  test('is shown once by locks, since the first of them gave it', async () => {
    const names = ['dev2.devco.net', 'dev4.devco.net'];
    const nodes = await Promise.all(names.map((name) => startTestNode(fleet, { name, agents: [lockAgent] })));
    const since: number[] = [];
    for (const node of nodes.toReversed()) {
      await until('a millisecond has passed', () => Date.now() > (since[0] ?? 0));
      since.push((await take(node, rip)).since);
    }
    const home = await makeHome(join(fleet.dir, 'home'), rip, nodes);
    const { out } = await runInProcess(['locks', '--json'], home);
    for (const node of nodes) await node[Symbol.asyncDispose]();
    const [first = 0, second = 0] = since;
    assert.ok(first < second, since.join());
    const shown = { name: 'app/bravo', caller: 'cert=rip@devco.net', run: run.runId, from: 'test' };
    assert.deepEqual(JSON.parse(out.join('\n')), [{ ...shown, since: new Date(first).toISOString(), nodes: names }]);
  });
});

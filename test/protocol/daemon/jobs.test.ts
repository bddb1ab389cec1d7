import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type CallOptions, newId } from '../../../src/core/request/request.ts';
import { counted, probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { until } from '../../support/until.ts';

const builtIn = agents.filter(({ ddl }) => ['jobs', 'lock'].includes(ddl.name));
const everybody = 'cert=rip@devco.net cert=eve@devco.net cert=ann@devco.net';
const policies = {
  default: `policy default deny\nallow\t${everybody}\t*\t*\t*\n`,
  jobs: `policy default deny\nallow\t${everybody}\tlist show cancel\t*\t*\nallow\tcert=ann@devco.net\tlist_any show_any cancel_any\t*\t*\n`,
};

let fleet: Fleet;
let rip: Member;
let eve: Member;
let ann: Member;
let node: TestNode;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  eve = await fleet.operator('eve@devco.net');
  ann = await fleet.operator('ann@devco.net');
  node = await startTestNode(fleet, { agents: [probeAgent, ...builtIn], policies, config: 'concurrency: 1' });
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const detach = async (action: string, more: Partial<CallOptions> = {}, operator = rip) => {
  const requestId = more.requestId ?? newId();
  const order = { agent: 'probe', action, input: {}, detach: true, ...more, requestId };
  return { id: requestId, reply: await node.call(operator, order) };
};

const ask = async (operator: Member, action: string, id?: string) => {
  const input: Record<string, unknown> = id === undefined ? {} : { id };
  const reply = await node.call(operator, { agent: 'jobs', action, input });
  return { code: reply.code, outcome: reply.outcome, data: JSON.parse(reply.data.toString()) };
};

/** The job once it has ended. */
const ended = async (id: string, operator = rip) => {
  const show = async () => (await ask(operator, 'show', id)).data;
  await until(`the job ${id} has ended`, async () => (await show()).state !== 'running', 0);
  return show();
};

const endOf = async (id: string) =>
  (await node.records()).flatMap((record) => (record.kind === 'ended' && record.request_id === id ? [record] : []));

const release = () => {
  for (const end of waiting.splice(0)) end();
};

describe('a call that its caller does not wait for', { timeout: 600_000 }, () => {
  test('gets an immediate reply; its outcome is kept over a restart, and its start and end are in the audit log', async () => {
    const begun = once(probeCalls, 'wait');
    const { id, reply } = await detach('wait');
    assert.deepEqual([reply.outcome, reply.code], ['ok', 'detached']);
    await begun;
    assert.equal((await ask(rip, 'show', id)).data.state, 'running');
    assert.deepEqual(await endOf(id), []);
    release();
    assert.equal((await ended(id)).state, 'ok');
    const [end] = await endOf(id);
    const intent = (await node.records()).find((record) => record.sequence === end?.intent);
    assert.ok(intent?.kind === 'intent' && intent.request_id === id && intent.action === 'wait');
    await node.restart();
    const { data } = await ask(rip, 'show', id);
    assert.deepEqual([data.state, data.agent, data.action, data.caller], ['ok', 'probe', 'wait', 'cert=rip@devco.net']);
  });

  test('is done once, however often its request is sent, over any path', async () => {
    const times = counted.times;
    const { id } = await detach('count');
    const first = await ended(id);
    assert.deepEqual(first.data, { count: times + 1 });
    assert.equal((await detach('count', { requestId: id })).reply.recorded, true);
    assert.equal((await detach('count', { requestId: id, try: 2 })).reply.code, 'job-exists');
    await node.restart();
    assert.equal((await detach('count', { requestId: id, try: 3 })).reply.code, 'job-exists');
    assert.equal(counted.times, times + 1);
  });

  test('is shown to and cancelled by its caller, and callers that the policy names', async () => {
    const begun = once(probeCalls, 'wait');
    const { id } = await detach('wait');
    await begun;
    assert.deepEqual((await ask(eve, 'list')).data.jobs, []);
    assert.equal((await ask(eve, 'show', id)).code, 'unknown-job');
    assert.equal((await ask(eve, 'cancel', id)).code, 'unknown-job');
    for (const action of ['list_any', 'show_any', 'cancel_any'])
      assert.equal((await ask(eve, action, action === 'list_any' ? undefined : id)).code, 'policy-denied');
    assert.equal((await ask(rip, 'show', id)).data.state, 'running');
    assert.equal((await ask(ann, 'show_any', id)).data.caller, 'cert=rip@devco.net');
    assert.equal((await ask(ann, 'cancel_any', id)).data.state, 'cancelled');
    const { state, message } = await ended(id);
    assert.deepEqual([state, message], ['cancelled', 'probe.wait was cancelled by cert=ann@devco.net']);
    const [end] = await endOf(id);
    assert.deepEqual([end?.outcome, end?.code], ['cancelled', 'cancelled']);
    assert.ok((await node.records()).some((record) => record.kind === 'intent' && record.action === 'cancel_any'));
    release();
  });

  test('is cancelled at once while it waits for its turn, and then never begins', async () => {
    const begun = once(probeCalls, 'wait');
    const first = await detach('wait');
    await begun;
    const times = counted.times;
    const { id } = await detach('count');
    assert.equal((await ask(rip, 'cancel', id)).data.state, 'cancelled');
    release();
    await ended(first.id);
    assert.equal((await ask(rip, 'cancel', first.id)).data.state, 'ok', 'one that has ended is not changed');
    assert.equal((await ended((await detach('count')).id)).data.count, times + 1);
  });

  test('keeps its id from other callers', async () => {
    const { id } = await detach('count');
    await ended(id);
    const other = await detach('count', { requestId: id }, eve);
    assert.equal(other.reply.code, 'detached');
    assert.equal((await ended(id, eve)).caller, 'cert=eve@devco.net');
    assert.equal((await ask(rip, 'show', id)).data.caller, 'cert=rip@devco.net');
  });

  test('has its lease checked again when its turn comes', async () => {
    const run = { runId: 'a'.repeat(32), lease: 'app/bravo' };
    const taken = await node.call(rip, {
      agent: 'lock',
      action: 'take',
      input: { name: run.lease, ttl: 30 },
      runId: run.runId,
    });
    const { fence } = JSON.parse(taken.data.toString());
    assert.equal((await detach('count', { ...run, fence: fence + 1 })).reply.code, 'stale-lease');
    const begun = once(probeCalls, 'wait');
    const first = await detach('wait');
    await begun;
    const times = counted.times;
    const { id, reply } = await detach('count', { ...run, fence });
    assert.equal(reply.code, 'detached');
    await node.call(rip, { agent: 'lock', action: 'break', input: { name: run.lease } });
    release();
    await ended(first.id);
    const { state, code } = await ended(id);
    assert.deepEqual([state, code, counted.times], ['refused', 'stale-lease', times]);
  });

  test('leaves no sensitive value on the disk, even if its output repeats one', async () => {
    const secret = 'hunter-twenty-two';
    const { id } = await detach('echo', { input: { text: `it is ${secret}`, secret }, sensitive: ['secret'] });
    assert.deepEqual((await ended(id)).data, { text: 'it is (hidden) and 17 hidden letters' });
    const directory = join(node.directory, 'state/jobs');
    for (const file of await readdir(directory)) {
      assert.ok(!(await readFile(join(directory, file), 'utf8')).includes(secret), file);
    }
  });

  test('is refused if the node keeps no jobs, and nothing is done', async () => {
    await using bare = await startTestNode(fleet, { name: 'dev4.devco.net', policies });
    const times = counted.times;
    const reply = await bare.call(rip, { agent: 'probe', action: 'count', input: {}, detach: true });
    assert.deepEqual([reply.outcome, reply.code, counted.times], ['refused', 'no-jobs', times]);
  });
});

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startAgentCheck } from '../../support/agents/haproxy/agent-check.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  fails,
  haproxy,
  line,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import type { HaproxyProcess } from '../../support/agents/haproxy/haproxy.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

/** Three web servers, of which the second has an agent-check that is asked every 50 ms. */
async function withAgentCheck(says = 'ready up 100%') {
  const web = await webServers(3, 'own');
  const check = await startAgentCheck(says);
  ended.push(check.stop);
  const options = `check weight 100 agent-check agent-addr 127.0.0.1 agent-port ${check.port} agent-inter 50ms`;
  const lb = await haproxy(web.map((one, index) => line(one, index === 1 ? options : 'check')));
  return { web, check, lb };
}

/** Whether HAProxy asks a server’s agent (bit 4 of srv_agent_state). */
async function isAsked({ ask }: HaproxyProcess, name = 'web2'): Promise<boolean> {
  const row = (await ask('show servers state app')).split('\n').find((text) => text.split(' ')[3] === name);
  return (Number(row?.split(' ')[14]) & 4) !== 0;
}

const order = { backend: 'app', server: 'web2' };

describe('a server whose agent-check says “ready”', () => {
  test('stays in maintenance once it is disabled, and gets its agent-check back on enable', async () => {
    const { web, check, lb } = await withAgentCheck();
    const { disable, enable, status } = await agent([lb.socket]);
    await disable(order);
    assert.equal(await isAsked(lb), false);
    const served = web[1]?.served() ?? 0;
    for (let request = 0; request < 60; request++) await lb.get();
    assert.equal(web[1]?.served(), served);
    assert.equal((await adminStates(lb)).web2, 1);
    const back = enable(order);
    await check.asked(1);
    assert.deepEqual((await back).changed, ['web2']);
    assert.equal(await isAsked(lb), true);
    assert.equal((await status(order)).ready, true);
  });

  test('is disabled again if another program switches its agent-check on, and that is recorded', async () => {
    const { lb } = await withAgentCheck();
    const { disable, status } = await agent([lb.socket], { watch_interval: 60 });
    const since = (await disable(order)).hosts[0]?.out_since;
    await lb.ask('enable agent app/web2');
    await until('the agent has put it in', async () => (await adminStates(lb)).web2 === 0);
    const [server] = (await status(order)).servers;
    assert.match(
      server?.breaks?.[0]?.cause ?? '',
      /agent-check, which something switched on again, put it in .*(via agent : up|L7OK)/,
    );
    assert.match(server?.breaks?.[0]?.where ?? '', /“agent_status” and “last_agt” of app\/web2/);
    assert.notEqual(server?.out_since, since);
    assert.equal((await adminStates(lb)).web2, 1);
    assert.equal(await isAsked(lb), false);
  });

  test('gets its agent-check back if the daemon was restarted in between', async () => {
    const { lb } = await withAgentCheck();
    const stateDirectory = temporaryDirectory();
    const before = await agent([lb.socket], {}, { stateDirectory });
    await before.disable(order);
    await before.stop();
    const { enable } = await agent([lb.socket], {}, { stateDirectory });
    await enable(order);
    assert.equal(await isAsked(lb), true);
  });

  test('gets its agent-check back if the socket of HAProxy moved in between', async () => {
    const { lb } = await withAgentCheck();
    const stateDirectory = temporaryDirectory();
    const before = await agent([lb.socket], {}, { stateDirectory });
    await before.disable(order);
    await before.stop();
    const other = join(temporaryDirectory(), 'other.sock');
    symlinkSync(lb.socket, other);
    const { enable } = await agent([other], {}, { stateDirectory });
    await enable(order);
    assert.equal(await isAsked(lb), true);
  });

  test('gets its agent-check back if a reload of HAProxy switched it on in between', async () => {
    const { lb } = await withAgentCheck();
    const { disable, enable, status } = await agent([lb.socket], { watch_interval: 60 });
    await disable(order);
    await lb.restart();
    assert.equal((await status(order)).servers[0]?.breaks?.length, 1);
    assert.equal(await isAsked(lb), false);
    await enable(order);
    assert.equal(await isAsked(lb), true);
  });
});

test('an agent-check that an operator switched off stays off', async () => {
  const { lb } = await withAgentCheck();
  await lb.ask('disable agent app/web2');
  const { disable, enable } = await agent([lb.socket]);
  await disable(order);
  await enable(order);
  assert.equal(await isAsked(lb), false);
});

test('an agent-check stays on after a refused change', async () => {
  const { lb } = await withAgentCheck();
  const { disable } = await agent([lb.socket]);
  await assert.rejects(disable({ ...order, min_available: 3 }), fails('too-few-servers'));
  assert.equal(await isAsked(lb), true);
});

type Answer = readonly [what: string, says: string | undefined];
/** Every kind of answer at once: each server has its own agent, and one call puts all of them in. */
async function putInAll(answers: readonly Answer[], timeout: number) {
  const web = await webServers(answers.length + 1, 'own');
  const checks = await Promise.all(answers.map(() => startAgentCheck('ready up 100%')));
  ended.push(...checks.map(({ stop }) => stop));
  const lines = checks.map(
    ({ port }) => `check weight 100 agent-check agent-addr 127.0.0.1 agent-port ${port} agent-inter 50ms`,
  );
  const lb = await haproxy(web.map((one, index) => line(one, lines[index])));
  const { disable, enable, status } = await agent([lb.socket], { enable_timeout: timeout });
  const all = { server: answers.map((_, index) => `web${index + 1}`).join(',') };
  await disable(all);
  for (const [index, [what, says]] of answers.entries()) {
    if (what === 'gone') await checks[index]?.stop();
    else checks[index]?.says(says);
  }
  const served = web.map((one) => one.served());
  return { web, lb, served, put: () => enable(all), status: () => status(all) };
}

describe('enable with agent-checks', () => {
  test('puts all servers in traffic if their agent-checks agree, give only a weight, report nothing, or do not reply', async () => {
    const answers: Answer[] = [
      ['up', 'up'],
      ['ready', 'ready'],
      ['ready up and a weight', 'ready up 50%'],
      ['only a weight', '75%'],
      ['nothing that HAProxy knows', 'fine, thanks'],
      ['nothing at all', undefined],
      ['gone', undefined],
    ];
    const { web, lb, served, put, status } = await putInAll(answers, 30);
    await put();
    assert.deepEqual((await status()).out, []);
    for (const [index, [what]] of answers.entries()) {
      for (let request = 0; request < 400 && web[index]?.served() === served[index]; request++) await lb.get();
      assert.notEqual(web[index]?.served(), served[index], what);
    }
  });

  test('keeps servers out if their agent-checks disagree, with the reasons of the agents', async () => {
    const answers: Answer[] = [
      ['drain', 'drain'],
      ['maint', 'maint'],
      ['down', 'down'],
      ['stopped, with a reason', 'stopped #out of disk'],
      ['fail', 'fail'],
      ['a weight of 0', '0%'],
    ];
    const reasons = [
      /web1: its agent-check answers “drain”/,
      /web2: its agent-check answers “maint”/,
      /web3: its agent-check answers “down”/,
      /web4: its agent-check answers “(stopped|down)/,
      /web5: its agent-check answers “(fail|down)/,
      /web6: its weight is 0 \(an agent-check may set it\)/,
    ];
    const { web, lb, served, put } = await putInAll(answers, 12);
    await assert.rejects(put(), (problem) => reasons.every((reason) => fails('server-not-up', reason)(problem)));
    const states = await adminStates(lb);
    for (let request = 0; request < 20; request++) await lb.get();
    for (const [index, [what]] of answers.entries()) {
      assert.equal(states[`web${index + 1}`], 1, what);
      assert.equal(await isAsked(lb, `web${index + 1}`), false, what);
      assert.equal(web[index]?.served(), served[index], what);
    }
  });
});

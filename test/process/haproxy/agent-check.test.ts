import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startAgentCheck } from '../../support/agents/agent-check.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  fails,
  haproxy,
  line,
  webServers,
} from '../../support/agents/haproxy-agent.ts';
import type { HaproxyProcess } from '../../support/agents/haproxy.ts';

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

/** Whether HAProxy asks the second server’s agent (bit 4 of srv_agent_state). */
async function isAsked({ ask }: HaproxyProcess): Promise<boolean> {
  const row = (await ask('show servers state app')).split('\n').find((text) => text.split(' ')[3] === 'web2');
  return (Number(row?.split(' ')[14]) & 4) !== 0;
}

const order = { backend: 'app', server: 'web2' };

describe('a server whose agent-check says “ready”', () => {
  test('stays out once it is taken out, and gets its agent-check back with the traffic', async () => {
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

  test('is taken out again when something switches its agent-check on, and that is recorded', async () => {
    const { check, lb } = await withAgentCheck();
    const { disable, status } = await agent([lb.socket], { watch_interval: 60 });
    const since = (await disable(order)).hosts[0]?.out_since;
    await lb.ask('enable agent app/web2');
    await check.asked(2);
    // The agent has put it in by the time that it is asked for once more.
    await check.asked(1);
    const [server] = (await status(order)).servers;
    assert.match(server?.breaks?.[0]?.cause ?? '', /agent-check, which something switched on again.*via agent : up/);
    assert.match(server?.breaks?.[0]?.where ?? '', /“agent_status” and “last_agt” of app\/web2/);
    assert.notEqual(server?.out_since, since);
    assert.equal((await adminStates(lb)).web2, 1);
    assert.equal(await isAsked(lb), false);
  });

  test('gets it back after the daemon was ended in between', async () => {
    const { lb } = await withAgentCheck();
    const stateDirectory = temporaryDirectory();
    const before = await agent([lb.socket], {}, { stateDirectory });
    await before.disable(order);
    await before.stop();
    const { enable } = await agent([lb.socket], {}, { stateDirectory });
    await enable(order);
    assert.equal(await isAsked(lb), true);
  });

  test('gets it back after HAProxy was reloaded in between, which switches it on by itself', async () => {
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

test('an agent-check that an operator had switched off stays off', async () => {
  const { lb } = await withAgentCheck();
  await lb.ask('disable agent app/web2');
  const { disable, enable } = await agent([lb.socket]);
  await disable(order);
  await enable(order);
  assert.equal(await isAsked(lb), false);
});

test('a refused change leaves the agent-check as it was', async () => {
  const { lb } = await withAgentCheck();
  const { disable } = await agent([lb.socket]);
  await assert.rejects(disable({ ...order, min_available: 3 }), fails('too-few-servers'));
  assert.equal(await isAsked(lb), true);
});

describe('putting a server in whose agent-check then says', () => {
  const cases: [string, string | undefined, RegExp | undefined][] = [
    ['up', 'up', undefined],
    ['ready', 'ready', undefined],
    ['ready up and a weight', 'ready up 50%', undefined],
    ['only a weight', '75%', undefined],
    ['nothing that HAProxy knows', 'fine, thanks', undefined],
    ['drain', 'drain', /web2: its agent-check answers “drain”/],
    ['maint', 'maint', /web2: its agent-check answers “maint”/],
    ['down', 'down', /web2: its agent-check answers “down”/],
    ['stopped, with a reason', 'stopped #out of disk', /web2: its agent-check answers “(stopped|down)/],
    ['fail', 'fail', /web2: its agent-check answers “(fail|down)/],
    ['a weight of 0', '0%', /web2: its weight is 0 \(an agent-check may set it\)/],
    ['nothing at all', undefined, undefined],
  ];
  for (const [what, says, reason] of cases) {
    test(`${what}: ${reason === undefined ? 'it takes traffic' : 'it stays out, and the reason is the agent’s'}`, async () => {
      const { web, check, lb } = await withAgentCheck();
      const { disable, enable, status } = await agent([lb.socket], { enable_timeout: reason === undefined ? 20 : 1.5 });
      await disable(order);
      check.says(says);
      const served = web[1]?.served() ?? 0;
      if (reason === undefined) {
        await enable(order);
        assert.equal((await status(order)).ready, true);
        for (let request = 0; request < 200 && web[1]?.served() === served; request++) await lb.get();
        assert.notEqual(web[1]?.served(), served);
      } else {
        await assert.rejects(enable(order), fails('server-not-up', reason));
        assert.equal((await adminStates(lb)).web2, 1);
        assert.equal(await isAsked(lb), false);
        for (let request = 0; request < 20; request++) await lb.get();
        assert.equal(web[1]?.served(), served);
      }
    });
  }

  test('nothing, because it is gone: it takes traffic, as HAProxy itself has it', async () => {
    const { check, lb } = await withAgentCheck();
    const { disable, enable, status } = await agent([lb.socket], { enable_timeout: 20 });
    await disable(order);
    await check.stop();
    await enable(order);
    assert.equal((await status(order)).ready, true);
  });
});

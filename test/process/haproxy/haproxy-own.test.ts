import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { actionContext, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { adminStates, agent, endAll, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';

afterEach(endAll);

describe('a run that enables its own servers', () => {
  test('leaves servers out that were out before it began, by hand or by another run', async () => {
    const web = await webServers(4);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, enable } = await agent([lb.socket]);
    const [first, second] = ['run-1', 'run-2'].map((runId) => actionContext({ runId }));
    await lb.ask('set server app/web1 state maint');
    await disable({ backend: 'app', server: 'web2' }, first);
    const taken = await disable({ backend: 'app', server: 'web1,web2,web3' }, second);
    assert.deepEqual([taken.changed, taken.unchanged], [['web3'], ['web1', 'web2']]);
    const order = { backend: 'app', server: 'web1,web2,web3', own: true };
    const nobody = await enable(order);
    assert.deepEqual([nobody.changed, nobody.unchanged], [[], ['web1', 'web2', 'web3']]);
    const back = await enable(order, second);
    assert.deepEqual([back.changed, back.unchanged, back.available], [['web3'], ['web1', 'web2'], 2]);
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 1, web3: 0, web4: 0 });
    await enable(order, first);
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 0, web4: 0 });
  });

  test('never enables servers that a call outside of any run disabled, nor does such a call enable those of the run', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, enable } = await agent([lb.socket]);
    const order = { backend: 'app', server: 'web1' };
    assert.deepEqual((await disable(order)).changed, ['web1']);
    for (const context of [actionContext(), actionContext({ runId: 'run-1' })]) {
      assert.deepEqual((await enable({ ...order, own: true }, context)).changed, []);
      assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
    }
    assert.deepEqual((await enable(order)).changed, ['web1'], 'where its own is not asked for, it is brought in');
  });

  test('enables a host in the backends alone that the run took it out of', async () => {
    const web = await webServers(2, 'own');
    const statics = web.map(({ name, host, port }) => `  server ${name} ${host}:${port}`);
    const lb = await haproxy(
      web.map((one) => line(one, '')),
      ['backend static', ...statics].join('\n'),
    );
    const { disable, enable, status } = await agent([lb.socket]);
    const [person, run] = ['', 'run-1'].map((runId) => actionContext({ runId }));
    const own = { server: 'web1', own: true };
    const states = async () => [(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1];
    for (const [begin, then] of [
      [person, run],
      [run, person],
    ]) {
      const [app, other] = begin === person ? ['app', 'static'] : ['static', 'app'];
      await disable({ server: 'web1', backend: app }, begin);
      await disable({ server: 'web1', backend: other }, then);
      assert.deepEqual((await enable(own, run)).changed, ['web1']);
      // The watch sees what is still held, and nothing more.
      assert.deepEqual((await status({ server: 'web1' })).servers[0]?.breaks, []);
      assert.deepEqual(await states(), [1, 0]);
      assert.deepEqual((await enable(own, run)).changed, []);
      await enable({ server: 'web1' });
      assert.deepEqual(await states(), [0, 0]);
    }
    for (const state of ['maint', 'drain']) {
      await lb.ask(`set server app/web1 state ${state}`);
      await disable({ server: 'web1' }, run);
      const { changed, unchanged, hosts } = await enable(own, run);
      assert.deepEqual([changed, unchanged, hosts[0]?.lines], [['web1'], [], ['static/web1']]);
      assert.deepEqual(await states(), [1, 0], 'somebody had taken it out there before');
      // What the run then takes out itself, it puts in again.
      await enable({ server: 'web1', backend: 'app' });
      await disable({ server: 'web1', backend: 'app' }, run);
      assert.deepEqual((await enable(own, run)).changed, ['web1']);
      assert.deepEqual(await states(), [0, 0]);
    }
  });

  test('recognises them when it repeats the call, and after a restart of the daemon', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const context = actionContext({ runId: 'run-1' });
    const stateDirectory = temporaryDirectory();
    const before = await agent([lb.socket], {}, { stateDirectory });
    const order = { backend: 'app', server: 'web1' };
    await before.disable(order, context);
    assert.deepEqual((await before.disable(order, context)).changed, []);
    await before.stop();
    const { enable } = await agent([lb.socket], {}, { stateDirectory });
    assert.deepEqual((await enable({ ...order, own: true }, context)).changed, ['web1']);
  });
});

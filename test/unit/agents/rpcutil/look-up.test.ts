import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRpcutil } from '../../../../src/agents/rpcutil/agent.ts';
import type { NodeView } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup, fixedNode } from '../../../support/agents/agent-setup.ts';

async function call(action: string, input: object): Promise<unknown> {
  const node = { ...fixedNode, facts: async () => ({ os: { name: 'debian' } }), classes: async () => ['webserver'] };
  const { handlers } = await startRpcutil(agentSetup({}, { node }));
  return await handlers[action]?.(input as never, actionContext());
}

test('get_data looks up facts and classes by name, and reports a missing one', async () => {
  assert.deepEqual(await call('get_data', { source: 'fact', query: 'os.name' }), { found: true, value: 'debian' });
  assert.deepEqual(await call('get_data', { source: 'class', query: 'webserver' }), {
    found: true,
    value: 'webserver',
  });
  for (const source of ['fact', 'class', 'agent'])
    assert.deepEqual(await call('get_data', { source, query: 'constructor' }), { found: false, value: null });
});

test('collective_info names the one collective', async () => {
  const expected = { main_collective: 'mcollective', collectives: ['mcollective'] };
  assert.deepEqual(await call('collective_info', {}), expected);
});

test('may_i shows what the policies allow the caller, what they deny, and what does not run here', async () => {
  const info = await fixedNode.info();
  const agents = ['appmgr', 'nrpe'].map((name) => ({ name }) as (typeof info.agents)[number]);
  const asked: object[] = [];
  const node = {
    ...fixedNode,
    info: async () => ({ ...info, agents }),
    may: async (question: { caller: string; agent: string; action: string }) => {
      asked.push(question);
      return question.agent === 'appmgr';
    },
  };
  const { handlers } = await startRpcutil(agentSetup({}, { node }));
  const actions = 'appmgr.upgrade,nrpe.runcommand,haproxy.disable,appmgr.upgrade';
  assert.deepEqual(await handlers.may_i?.({ actions } as never, actionContext()), {
    allowed: ['appmgr.upgrade'],
    denied: ['nrpe.runcommand'],
    unknown: ['haproxy.disable'],
  });
  assert.deepEqual(asked, [
    { caller: 'cert=rip@devco.net', agent: 'appmgr', action: 'upgrade', limited: false },
    { caller: 'cert=rip@devco.net', agent: 'nrpe', action: 'runcommand', limited: false },
  ]);
});

describe('what rpcutil reports about its node', () => {
  const agents = ['appmgr', 'nrpe'].map((name) => ({
    name,
    version: '1',
    author: 'a',
    license: 'l',
    description: `d of ${name}`,
    url: '',
    timeout: 5,
  }));
  const startedAt = Date.now() - 5000;
  const node: NodeView = {
    ...fixedNode,
    facts: async () => ({ cluster: 'bravo', os: { name: 'debian' }, rack: 0 }),
    classes: async () => ['webserver', 'mail'],
    info: async () => ({ ...(await fixedNode.info()), startedAt, agents, counters: { calls: 7 }, warnings: ['late'] }),
    configItem: (item) => ({ realm: 'devco.net', relay: false })[item],
  };
  const call = async (action: string, input: object = {}): Promise<Record<string, unknown>> => {
    const { handlers } = await startRpcutil(agentSetup({}, { node }));
    return (await handlers[action]?.(input as never, actionContext())) as Record<string, unknown>;
  };

  test('is its inventory, with the warnings', async () => {
    assert.deepEqual(await call('inventory'), {
      agents: ['appmgr', 'nrpe'],
      classes: ['webserver', 'mail'],
      facts: { cluster: 'bravo', os: { name: 'debian' }, rack: 0 },
      version: '0.1.0',
      warnings: ['late'],
    });
    assert.deepEqual(await call('agent_inventory'), { agents });
  });

  test('is a fact or several, and null for one that it does not have', async () => {
    assert.deepEqual(await call('get_fact', { fact: 'os.name' }), { fact: 'os.name', value: 'debian' });
    assert.deepEqual(await call('get_fact', { fact: 'rack' }), { fact: 'rack', value: 0 });
    assert.deepEqual(await call('get_fact', { fact: 'none' }), { fact: 'none', value: null });
    const values = { cluster: 'bravo', none: null, rack: 0 };
    assert.deepEqual(await call('get_facts', { facts: 'cluster,none,rack' }), { values });
  });

  test('is an agent, whole, by its name', async () => {
    assert.deepEqual(await call('get_data', { source: 'agent', query: 'nrpe' }), { found: true, value: agents[1] });
  });

  test('is an item of the configuration that it reveals, and nothing of any other', async () => {
    assert.deepEqual(await call('get_config_item', { item: 'realm' }), { item: 'realm', value: 'devco.net' });
    assert.deepEqual(await call('get_config_item', { item: 'relay' }), { item: 'relay', value: false });
    await assert.rejects(call('get_config_item', { item: 'key' }), { code: 'not-told', message: /“key”/ });
  });

  test('is the state of its daemon, in seconds and bytes', async () => {
    const { memory_bytes, cpu_seconds, starttime, uptime, ...rest } = await call('daemon_stats');
    assert.deepEqual(rest, {
      pid: 4242,
      version: '0.1.0',
      configfile: '/etc/mco-deploy/node.yaml',
      counters: { calls: 7 },
      agents: ['appmgr', 'nrpe'],
    });
    assert.equal(starttime, Math.floor(startedAt / 1000));
    const since = Math.floor((Date.now() - startedAt) / 1000);
    assert.ok(Number(uptime) >= 5 && Number(uptime) <= since, `${uptime} s`);
    // A process of Node.js has some MiB, and has worked for less than the days for which a test could run.
    assert.ok(
      Number(memory_bytes) > 2 ** 20 && Number(cpu_seconds) > 0 && Number(cpu_seconds) < 1e5,
      `${cpu_seconds} s`,
    );
    const { pong } = await call('ping');
    assert.ok(Number(pong) >= Math.floor(startedAt / 1000) && Number(pong) <= Date.now() / 1000, String(pong));
  });

  test('is that a caller with a limited certificate has only the rights of rules that name it', async () => {
    const asked: object[] = [];
    const may = async (question: object) => asked.push(question) > 0;
    const { handlers } = await startRpcutil(agentSetup({}, { node: { ...node, may } }));
    await handlers.may_i?.({ actions: 'appmgr.deploy' } as never, actionContext({ limited: true }));
    assert.deepEqual(asked, [{ caller: 'cert=rip@devco.net', agent: 'appmgr', action: 'deploy', limited: true }]);
  });
});

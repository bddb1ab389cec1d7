import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRpcutil } from '../../../../src/agents/rpcutil/agent.ts';
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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRpcutil } from '../../../../src/agents/rpcutil/agent.ts';
import { actionContext, agentSetup, fixedNode } from '../../../support/agent-setup.ts';

async function call(action: string, input: object): Promise<unknown> {
  const node = { ...fixedNode, facts: async () => ({ os: { name: 'debian' } }), classes: async () => ['webserver'] };
  const { handlers } = await startRpcutil(agentSetup({}, { node }));
  return await handlers[action]?.(input as never, actionContext());
}

test('get_data looks up facts and classes by name, and says so when there is none', async () => {
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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChangeRequest } from '../../../../../src/agents/haproxy/actions/change-request.ts';
import { agentBelongsOn, putInToStay } from '../../../../../src/agents/haproxy/into-traffic/put-in.ts';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { readMaintenance } from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

test('a host that does not come in is held on disk before its failure is reported', async () => {
  const fake = fakeHaproxy({ app: [{ name: 'web1', ip: '10.0.0.1', admin: 1, passes: false }] });
  const balancer = await fakeBalancer([fake], { enable_timeout: 0, min_available: 0 });
  const request = await readChangeRequest(balancer, { server: 'web1' }, actionContext());
  const putting = putInToStay(balancer, request, { hosts: request.hosts, known: {} }, actionContext());
  await assert.rejects(putting, { code: 'server-not-up' });
  assert.deepEqual(
    (await readMaintenance(balancer.file)).map(({ host, stage }) => [host, stage]),
    [['web1', 'out']],
  );
});

test('a host that only its checks keep out gets no command', async () => {
  const fake = fakeHaproxy({ app: [{ name: 'web1', ip: '10.0.0.1', passes: false }] });
  const balancer = await fakeBalancer([fake]);
  const request = await readChangeRequest(balancer, { server: 'web1' }, actionContext());
  fake.onCommand = (command) => {
    if (command === 'show servers state app') fake.server('app/web1').passes = true;
  };
  const views = await putInToStay(balancer, request, { hosts: request.hosts, known: {} }, actionContext());
  assert.deepEqual([fake.changes(), views[0]?.servers[0]?.status], [[], 'UP']);
});

test('an agent-check is to be on if it is, or was before its host was taken out, and only where there is one', () => {
  const view = backendView('app', []);
  const line = (configured: boolean, enabled: boolean) => ({
    view,
    server: server('web1', { agent: { configured, enabled, asking: false, status: '', words: '', health: 1 } }),
  });
  const held = (agent: boolean) =>
    ({
      lines: [{ socket: view.runtime.name, backend: 'app', server: 'web1', address: '', agent, total: 0 }],
    }) as unknown as HeldHost;
  for (const [configured, enabled, before, expected] of [
    [true, true, undefined, true],
    [true, true, held(false), true],
    [true, false, undefined, false],
    [true, false, held(false), false],
    [true, false, held(true), true],
    [false, false, held(true), false],
  ] as const)
    assert.equal(agentBelongsOn(line(configured, enabled), before), expected);
});

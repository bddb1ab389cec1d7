import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChangeRequest } from '../../../../../src/agents/haproxy/actions/change-request.ts';
import { putInToStay } from '../../../../../src/agents/haproxy/into-traffic/put-in.ts';
import { readMaintenance } from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/fake-haproxy.ts';

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

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readChangeRequest } from '../../../../../src/agents/haproxy/actions/change-request.ts';
import { disable } from '../../../../../src/agents/haproxy/actions/disable.ts';
import * as holds from '../../../../../src/agents/haproxy/into-traffic/enable-holds.ts';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { readMaintenance } from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const [dev1, dev2, dev3] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;

/** Three hosts: dev1 and dev3 are held, and a call is about dev1 and dev2. */
async function call(input: { backend?: string } = {}) {
  const fake = fakeHaproxy({
    app: [dev1, dev2, dev3].map((ip, at) => ({ name: `web${at + 1}`, ip })),
    static: [{ name: 's1', ip: dev1, port: 82 }],
  });
  const balancer = await fakeBalancer([fake], { min_available: 0 });
  for (const server of [dev1, dev3]) await disable(balancer, { server }, actionContext({ runId: 'run1' }));
  const read = (server: string) => readChangeRequest(balancer, { server, ...input }, actionContext());
  const request = await read(`${dev1},${dev2}`);
  const before = new Map(balancer.watch.hosts().map((one) => [one.host, one]));
  /** The held hosts, on disk as in memory. */
  const held = async () => {
    const onDisk = await readMaintenance(balancer.file);
    assert.deepEqual(onDisk, balancer.watch.hosts());
    return new Map(onDisk.map((one) => [one.host, one]));
  };
  return { fake, balancer, request, read, held, before };
}
const stagesOf = (held: ReadonlyMap<string, HeldHost>) =>
  [...held.values()].map(({ host, stage }) => `${host} ${stage}`).sort();

describe('the holds of hosts that are being put in', () => {
  test('are marked as entering, and no longer as out since then; no hold is added, and others stay', async () => {
    const { balancer, request, held, before } = await call();
    await holds.openHolds(balancer, request.hosts);
    const after = await held();
    assert.deepEqual(stagesOf(after), [`${dev1} entering`, `${dev3} out`]);
    const { outSince, ...rest } = before.get(dev1) as HeldHost;
    assert.ok(outSince);
    assert.deepEqual(after.get(dev1), { ...rest, stage: 'entering' });
    assert.deepEqual(after.get(dev3), before.get(dev3));
  });

  test('are watched again after a failure, without those of hosts that were not held', async () => {
    const { balancer, request, held } = await call();
    await holds.openHolds(balancer, request.hosts);
    await holds.keepHolds(balancer, request.hosts);
    const after = await held();
    assert.deepEqual(stagesOf(after), [`${dev1} out`, `${dev3} out`]);
    assert.equal(after.get(dev1)?.outSince, undefined);
  });
});

describe('hosts that are out again after a failure', () => {
  test('are held if they were held or in maintenance when the call began', async () => {
    const { fake, balancer, read, held } = await call();
    fake.server('app/web2').admin = 1;
    for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 0;
    const request = await read(`${dev1},${dev2}`);
    await holds.openHolds(balancer, request.hosts);
    await holds.holdAgain(balancer, request, request.hosts, actionContext({ runId: 'run2' }));
    const after = await held();
    assert.deepEqual(stagesOf(after), [`${dev1} out`, `${dev2} out`, `${dev3} out`]);
    assert.deepEqual([after.get(dev1)?.run, after.get(dev2)?.run], ['run1', 'run2'], 'who was first is kept');
  });

  test('are not held if they were neither', async () => {
    const { balancer, request, held } = await call();
    await holds.holdAgain(balancer, request, request.hosts, actionContext());
    assert.deepEqual(stagesOf(await held()), [`${dev1} out`, `${dev3} out`]);
  });

  test('are held out of the backends only in which they were out', async () => {
    const { fake, balancer, read, held } = await call();
    await balancer.watch.remove([dev1]);
    fake.server('static/s1').admin = 0;
    const request = await read(dev1);
    await holds.holdAgain(balancer, request, request.hosts, actionContext());
    const after = (await held()).get(dev1);
    assert.deepEqual([after?.backends, after?.lines.map(({ server }) => server)], [['app'], ['web1']]);
  });

  test('are held out of every backend if they were out on all lines', async () => {
    const { balancer, read, held } = await call();
    await balancer.watch.remove([dev1]);
    const request = await read(dev1);
    await holds.holdAgain(balancer, request, request.hosts, actionContext());
    assert.equal((await held()).get(dev1)?.backends, undefined);
  });
});

describe('the holds of hosts that are in', () => {
  test('end, and those of other hosts stay', async () => {
    const { balancer, request, held } = await call();
    await holds.releaseHolds(balancer, request, request.hosts);
    assert.deepEqual(stagesOf(await held()), [`${dev3} out`]);
  });

  test('all stay if the rest of one cannot be recorded', async () => {
    const { balancer, request, held } = await call({ backend: 'app' });
    const full = { ...balancer, watch: { ...balancer.watch, put: () => Promise.reject(new Error('disk full')) } };
    await assert.rejects(holds.releaseHolds(full, request, request.hosts), { message: 'disk full' });
    assert.deepEqual(stagesOf(await held()), [`${dev1} out`, `${dev3} out`]);
  });

  test('stay for lines that the call was not about', async () => {
    const { balancer, request, held } = await call({ backend: 'app' });
    await holds.releaseHolds(balancer, request, request.hosts);
    const after = await held();
    assert.deepEqual(stagesOf(after), [`${dev1} out`, `${dev3} out`]);
    assert.deepEqual(
      after.get(dev1)?.lines.map(({ server }) => server),
      ['s1'],
    );
  });
});

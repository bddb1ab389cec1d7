import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disable } from '../../../../../src/agents/haproxy/actions/disable.ts';
import { list } from '../../../../../src/agents/haproxy/actions/list.ts';
import { status } from '../../../../../src/agents/haproxy/actions/status.ts';
import type { HaproxyConfig } from '../../../../../src/agents/haproxy/config.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import type { Status } from '../../../../support/agents/haproxy/haproxy-agent.ts';

const [dev1, dev2] = ['10.0.0.1', '10.0.0.2'] as const;

async function estate(config: Partial<HaproxyConfig> = {}) {
  const one = fakeHaproxy(
    {
      app: [
        { name: 'web1', ip: dev1, passes: true, sessions: 2, initial: 5 },
        { name: 'web2', ip: dev2, passes: true },
      ],
      ws: [{ name: 'w1', ip: dev1, port: 81, tracked: 'app/web1', sessions: 1 }],
    },
    '/run/a',
  );
  const other = fakeHaproxy({ static: [{ name: 's1', ip: dev1, port: 82 }] }, '/run/b');
  const balancer = await fakeBalancer([one, other], { min_available: 0, ...config });
  const show = (input: Parameters<typeof status>[1] = {}) => status(balancer, input, actionContext());
  return { one, other, balancer, show };
}

describe('the status', () => {
  test('has all lines of a host that is in, their sessions, and the processes that have them', async () => {
    const { show } = await estate();
    const { servers, ...rest } = await show({ server: dev1 });
    const process = { version: '3.0.11', pid: 100, uptime: 60, started: 1_700_000_000 };
    assert.deepEqual(rest, {
      ...{ backend: 'app,ws,static', ready: true, out: [] },
      processes: [
        { socket: '/run/a', ...process },
        { socket: '/run/b', ...process },
      ],
    });
    const line = { socket: '/run/a', status: 'UP', check: 'L7OK 200', sessions: 2, weight: 5, in_rotation: true };
    assert.deepEqual(servers, [
      {
        ...{ name: dev1, server: 'web1,w1,s1', address: '10.0.0.1:80', status: 'UP', check: 'L7OK 200', sessions: 3 },
        ...{ weight: 5, in_rotation: true, serving: 3, still_serving: [] },
        lines: [
          { line: 'app/web1', address: '10.0.0.1:80', ...line },
          { line: 'ws/w1', address: '10.0.0.1:81', ...line, check: '', sessions: 1, weight: 1 },
          {
            ...{ line: 'static/s1', address: '10.0.0.1:82', ...line, socket: '/run/b', status: 'no check' },
            ...{ check: 'no check', sessions: 0, weight: 1 },
          },
        ],
      },
    ]);
  });

  test('is not ready if one line of a host takes no traffic, with the state of that line', async () => {
    const { other, show } = await estate();
    other.server('static/s1').admin = 1;
    const { ready, out, servers } = await show();
    assert.deepEqual([ready, out], [false, [servers[0]?.name]]);
    const [host, second] = servers;
    assert.deepEqual([host?.in_rotation, host?.serving, host?.status], [false, 2, 'MAINT']);
    assert.deepEqual([second?.in_rotation, second?.serving], [true, 1]);
  });

  test('names the reason why a line is out before the output of its check', async () => {
    const { one, show } = await estate();
    one.server('app/web2').weight = 0;
    assert.equal((await show({ server: dev2 })).servers[0]?.check, 'its weight is 0');
    one.server('app/web2').weight = 1;
    assert.equal((await show({ server: dev2 })).servers[0]?.check, 'L7OK 200');
  });

  test('covers every host without names, in the requested backends and ports', async () => {
    const { show } = await estate();
    const names = async (input: Parameters<typeof status>[1]) => {
      const { backend, servers, processes } = await show(input);
      return [backend, servers.map(({ server }) => server), processes.map(({ socket }) => socket)];
    };
    assert.deepEqual(await names({}), ['app,ws,static', ['web1,w1,s1', 'web2'], ['/run/a', '/run/b']]);
    assert.deepEqual(await names({ backend: 'static' }), ['static', ['s1'], ['/run/b']]);
    assert.deepEqual(await names({ port: '81' }), ['app,ws,static', ['w1'], ['/run/a', '/run/b']]);
    assert.deepEqual(
      await (await estate({ ports: [82] })).show().then(({ servers }) => servers.map((one) => one.server)),
      ['s1'],
    );
  });

  test('has what still serves a host outside of the request', async () => {
    const { show } = await estate();
    const { servers } = await show({ server: dev1, backend: 'static' });
    assert.deepEqual(servers[0]?.still_serving, ['app/web1', 'ws/w1']);
  });

  test('omits the start of a process that does not report it', async () => {
    const old = fakeHaproxy({ app: [{ name: 'web1', ip: dev1 }] });
    const ask = old.ask;
    const runtime = {
      ...old,
      ask: async (command: string, signal: AbortSignal) =>
        (await ask(command, signal)).replace(/\nStart_time_sec.*/, ''),
    };
    const [process] = (await status(await fakeBalancer([runtime]), {}, actionContext())).processes;
    assert.deepEqual(process, { socket: '/run/fake.sock', version: '3.0.11', pid: 100, uptime: 60 });
  });

  test('identifies every process if no backend was found', async () => {
    const [a, b] = [fakeHaproxy({}, '/run/a'), fakeHaproxy({}, '/run/b')];
    const empty = (fake: typeof a) => ({
      ...fake,
      ask: async (command: string, signal: AbortSignal) =>
        command.startsWith('show stat') ? '# pxname,svname,type' : fake.ask(command, signal),
    });
    const { processes } = await status(await fakeBalancer([empty(a), empty(b)]), {}, actionContext());
    assert.deepEqual(
      processes.map(({ socket }) => socket),
      ['/run/a', '/run/b'],
    );
  });
});

describe('the status of held hosts', () => {
  test('shows who disabled a held host, since when, and what broke the hold', async () => {
    const { other, balancer, show } = await estate();
    await disable(balancer, { server: dev1 }, actionContext({ runId: 'run1' }));
    other.server('static/s1').admin = 0;
    const { servers } = await show();
    const held: Status['servers'][number] | undefined = servers.find(({ server }) => server === 'web1,w1,s1');
    assert.ok(held);
    assert.deepEqual([held.name, held.caller, held.run], [dev1, 'cert=rip@devco.net', 'run1']);
    assert.deepEqual(held.breaks, balancer.watch.hosts()[0]?.breaks);
    assert.equal(held.breaks?.length, 1);
    assert.equal(held.out_since, balancer.watch.hosts()[0]?.outSince);
    assert.equal(other.server('static/s1').admin, 1, 'it was taken out again before the states were read');
    const other2 = servers.find(({ server }) => server === 'web2');
    assert.ok(other2 && !('breaks' in other2));
  });

  test('shows the hold of a host that was out before, without a start', async () => {
    const { one, balancer, show } = await estate();
    one.server('app/web2').admin = 1;
    await disable(balancer, { server: dev2 }, actionContext());
    const [host] = (await show({ server: dev2 })).servers;
    assert.ok(host && 'breaks' in host && !('since' in host) && 'out_since' in host);
  });

  test('is reported even if the file of held hosts is damaged, but not if HAProxy does not reply', async () => {
    const { one } = await estate();
    const damaged = await fakeBalancer([one]);
    Object.assign(damaged, {
      watch: { ...damaged.watch, checkNow: () => Promise.reject(new Problem('damaged-state', 'damaged')) },
    });
    assert.equal((await status(damaged, {}, actionContext())).ready, true);
    const alike = Object.assign(new Error('a bug'), { code: 'damaged-state' });
    for (const failure of [new Problem('haproxy-unreachable', 'gone'), new Error('a bug'), alike]) {
      Object.assign(damaged, { watch: { ...damaged.watch, checkNow: () => Promise.reject(failure) } });
      await assert.rejects(status(damaged, {}, actionContext()), failure);
    }
  });
});

describe('the list', () => {
  const lists = async (input: Parameters<typeof list>[1], config: Partial<HaproxyConfig> = {}) =>
    list((await estate(config)).balancer, input, actionContext());

  test('has every backend with its servers, each once over all processes', async () => {
    const again = fakeHaproxy({ app: [{ name: 'web1', ip: dev1 }, { name: 'web7' }] }, '/run/c');
    const first = fakeHaproxy({ app: [{ name: 'web1', ip: dev1 }] }, '/run/d');
    assert.deepEqual(await list(await fakeBalancer([first, again]), {}, actionContext()), {
      ...{ backends: [{ name: 'app', servers: ['web1', 'web7'] }], holding: [], hosts: [], unknown: [] },
    });
  });

  test('has for each host its lines, and the backends that contain all hosts', async () => {
    const { holding, hosts, unknown, backends } = await lists({ server: `${dev1},${dev2},10.0.0.7` });
    assert.deepEqual(hosts, [
      { name: dev1, backends: ['app', 'ws', 'static'], lines: ['app/web1', 'ws/w1', 'static/s1'] },
      { name: dev2, backends: ['app'], lines: ['app/web2'] },
    ]);
    assert.deepEqual([holding, unknown, backends.length], [[], ['10.0.0.7'], 3]);
    assert.deepEqual((await lists({ server: `${dev1},${dev2}` })).holding, ['app']);
    assert.deepEqual((await lists({ server: dev1 })).holding, ['app', 'ws', 'static']);
  });

  test('has the lines beside those asked for that send a host requests', async () => {
    const { unknown, elsewhere } = await lists({ server: `${dev1},${dev2}`, backend: 'static' });
    assert.deepEqual(
      [unknown, elsewhere],
      [
        [dev2],
        [
          { name: dev1, lines: ['app/web1', 'ws/w1'] },
          { name: dev2, lines: ['app/web2'] },
        ],
      ],
    );
    const { balancer, one } = await estate();
    one.server('app/web2').admin = 1;
    assert.equal((await list(balancer, { server: dev2, backend: 'static' }, actionContext())).elsewhere, undefined);
  });

  test('omits a backend that one of two processes has without the host', async () => {
    const all = fakeHaproxy({ app: [{ name: 'web1', ip: dev1 }] }, '/run/c');
    const none = fakeHaproxy({ app: [{ name: 'web7', ip: '10.0.0.7' }] }, '/run/d');
    const { holding } = await list(await fakeBalancer([all, none]), { server: dev1 }, actionContext());
    assert.deepEqual(holding, []);
  });

  test('can be limited to backends and ports, even to a missing one', async () => {
    assert.deepEqual((await lists({ server: dev1, backend: 'ws' })).hosts[0]?.lines, ['ws/w1']);
    assert.deepEqual((await lists({ server: dev1, port: '82' })).hosts[0]?.lines, ['static/s1']);
    assert.deepEqual((await lists({ server: dev1 }, { ports: [81] })).hosts[0]?.lines, ['ws/w1']);
    assert.deepEqual((await lists({ server: dev1, backend: 'elsewhere' })).unknown, [dev1]);
  });
});

import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { describe, mock, test } from 'node:test';
import * as requests from '../../../../../src/agents/haproxy/actions/change-request.ts';
import { readViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { lineName } from '../../../../../src/agents/haproxy/servers/line.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const dev1 = '10.0.0.1';
const two = (socket = '/run/a') =>
  fakeHaproxy({ app: [{ name: 'web1', ip: dev1 }], static: [{ name: 's1', ip: dev1, port: 82 }] }, socket);

describe('ports', () => {
  const config = { ports: [80] } as Parameters<typeof requests.readNarrowing>[0];
  const portsOf = (port?: string) => requests.readNarrowing(config, { port }).ports;

  test('are those of the call, each once, or else the configured ones', () => {
    assert.deepEqual([portsOf(), portsOf('1,65535,1')], [[80], [1, 65_535]]);
  });

  for (const bad of ['0', '65536', '-1', '80.5', '', '80,', 'x'])
    test(`“${bad}” is not a valid list`, () => assert.throws(() => portsOf(bad), { code: 'bad-port' }));
});

test('an invalid list of ports appears in the message, up to 100 characters', () => {
  const list = `x${'1,'.repeat(99)}`;
  assert.throws(() => requests.readNarrowing({ ports: [] } as never, { port: list }), {
    message: `“${list.slice(0, 100)}” is not a list of ports`,
  });
});

describe('a request for a change', () => {
  test('requires permission for changes only at the processes that have one of its backends', async () => {
    const [own, other] = [two('/run/a'), fakeHaproxy({ else: [{ name: 'x', ip: '10.0.0.7' }] }, '/run/b')];
    other.level = 'user';
    const balancer = await fakeBalancer([own, other]);
    const request = await requests.readChangeRequest(balancer, { server: dev1 }, actionContext());
    assert.deepEqual(request.backends, ['app', 'static']);
    assert.deepEqual(request.narrowing, { backends: undefined, ports: [] });
    assert.deepEqual([own.asked.includes('help'), other.asked.includes('help')], [true, false]);
  });

  test('needs the commands for agent-checks only if a line has one, in use or not', async () => {
    const plain = two();
    plain.lacks = 'enable agent';
    await requests.readChangeRequest(await fakeBalancer([plain]), { server: dev1 }, actionContext());
    for (const tracked of [undefined, 'app/web1']) {
      const agent = fakeHaproxy({
        app: [{ name: 'web1', ip: dev1 }],
        ws: [{ name: 'w1', ip: '10.0.0.8', agent: 'up', agentEnabled: false, ...(tracked ? { tracked } : {}) }],
      });
      agent.lacks = 'enable agent';
      const input = { server: tracked === undefined ? '10.0.0.8' : dev1 };
      await assert.rejects(requests.readChangeRequest(await fakeBalancer([agent]), input, actionContext()), {
        code: 'haproxy-lacks',
      });
    }
  });
});

describe('the known addresses of hosts', () => {
  test('are remembered, and reveal a map that a reload made stale', async () => {
    const fake = fakeHaproxy({
      app: [
        { name: 'web1', ip: dev1 },
        { name: 'web2', ip: '10.0.0.2' },
      ],
    });
    const servers = { '10.1.1.1': 'web1', '10.1.1.2': 'web2' };
    const balancer = await fakeBalancer([fake], { servers });
    const read = async (name: string, map: Record<string, string>) => {
      const now = { ...balancer, config: { ...balancer.config, servers: map } };
      const { resolve } = await requests.prepareHosts(now, name);
      return resolve(await readViews([fake], new AbortController().signal))[0]?.lines.map(lineName);
    };
    assert.deepEqual(await read('10.1.1.1', servers), ['app/web1']);
    assert.deepEqual([...balancer.seen], [['10.1.1.1', [dev1]]]);
    assert.deepEqual(await read('10.1.1.2', servers), ['app/web2']);
    await assert.rejects(read('10.1.1.2', { '10.1.1.2': 'web1' }), {
      code: 'bad-map',
      message: /address of 10\.1\.1\.1/,
    });
    await read('10.7.7.7', {});
    assert.deepEqual([...balancer.seen.keys()], ['10.1.1.1', '10.1.1.2'], 'a host without lines has none');
    // The first that are seen are kept, however many names are tried.
    for (let at = balancer.seen.size; at < 20_000; at++) balancer.seen.set(`h${at}`, []);
    await read('10.0.0.2', {});
    assert.equal(balancer.seen.has('10.0.0.2'), false);
    balancer.seen.delete('h19999');
    await read('10.0.0.2', {});
    assert.equal(balancer.seen.has('10.0.0.2'), true);
  });

  test('are looked up for names that the map gives to lines, without their backend', async () => {
    const fake = fakeHaproxy({ app: [{ name: 'localhost.localdomain', ip: '127.0.0.9' }] });
    const balancer = await fakeBalancer([fake], { servers: { dev1: 'app/localhost.localdomain' } });
    const { resolve } = await requests.prepareHosts(balancer, 'dev1');
    const views = await readViews([fake], new AbortController().signal);
    assert.deepEqual(resolve(views)[0]?.lines.map(lineName), ['app/localhost.localdomain']);
    const shown = fakeHaproxy({ app: [{ name: 'localhost', ip: '10.0.0.1' }] });
    const bare = await fakeBalancer([shown], { servers: { dev1: 'localhost' } });
    bare.seen.set('localhost', ['10.8.8.8']);
    const { resolve: find } = await requests.prepareHosts(bare, 'dev1');
    const lines = find(await readViews([shown], new AbortController().signal))[0]?.lines;
    assert.deepEqual(lines?.map(lineName), ['app/localhost'], 'a name without a dot is that of a line');
  });

  test('are none for a name that only every object in JavaScript has', async () => {
    const balancer = await fakeBalancer([two()]);
    const { resolve } = await requests.prepareHosts(balancer, 'constructor');
    assert.deepEqual(resolve(await readViews([two()], new AbortController().signal))[0]?.lines, []);
  });

  /** Finds the lines of a host while names resolve as given. */
  const findWith = async (found: Readonly<Record<string, string>>, name: string, servers: Record<string, string>) => {
    const asked: string[] = [];
    const lookup = mock.method(dns, 'lookup', async (host: string) => {
      asked.push(host);
      return [{ address: found[host] ?? '10.9.9.9', family: 4 }];
    });
    syncBuiltinESMExports();
    try {
      const fake = fakeHaproxy({
        app: [
          { name: 'x', ip: '10.0.0.1' },
          { name: 'y', ip: '10.0.0.2' },
          { name: 'z', ip: '10.0.0.3' },
        ],
      });
      const balancer = await fakeBalancer([fake], { servers });
      balancer.seen.set('h1', ['10.0.0.2']);
      const { resolve } = await requests.prepareHosts(balancer, name);
      const lines = resolve(await readViews([fake], new AbortController().signal))[0]?.lines.map(lineName);
      return { asked, lines };
    } finally {
      lookup.mock.restore();
      syncBuiltinESMExports();
    }
  };

  test('are those of an earlier call and those of now', async () => {
    const { asked, lines } = await findWith({ h1: '10.0.0.1' }, 'h1', {});
    assert.deepEqual([asked, lines], [['h1'], ['app/x', 'app/y']]);
  });

  test('are looked up for lines of the map that have the name of a host, not for those with a plain one', async () => {
    const { asked } = await findWith({}, 'h2', { h2: 'z', h3: 'other.example' });
    assert.deepEqual(asked, ['h2']);
    const other = await findWith({ 'other.example': '10.0.0.3' }, 'h3', { h2: 'z', h3: 'app/other.example' });
    assert.deepEqual(other.asked, ['h3', 'other.example']);
  });

  test('include both earlier and current ones', async () => {
    const fake = fakeHaproxy({
      app: [
        { name: 'x', ip: '127.0.0.1' },
        { name: 'y', ip: '10.0.0.9' },
      ],
    });
    const balancer = await fakeBalancer([fake]);
    balancer.seen.set('localhost', ['10.0.0.9']);
    const { resolve } = await requests.prepareHosts(balancer, 'localhost');
    const lines = resolve(await readViews([fake], new AbortController().signal))[0]?.lines;
    assert.deepEqual(lines?.map(lineName), ['app/y']);
  });
});

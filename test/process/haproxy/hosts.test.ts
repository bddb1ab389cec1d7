import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { actionContext } from '../../support/agents/agent-setup.ts';
import {
  adminStates,
  agent,
  endAll,
  fails,
  haproxy,
  line,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import type { WebServer } from '../../support/agents/haproxy/haproxy.ts';
import { movableClock } from '../../support/agents/haproxy/movable-clock.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

/** Three hosts in `app`, in `static`, and in `ws`, which follows `app`. */
async function severalBackends(count = 3) {
  const web = await webServers(count, 'own');
  const more = `backend static
  ${web.map((one) => line(one, '')).join('\n  ')}
backend ws
  ${web.map((one) => line(one, `track app/${one.name}`)).join('\n  ')}`;
  return {
    web,
    lb: await haproxy(
      web.map((one) => line(one)),
      more,
    ),
  };
}

test('a host is put in although the configuration gives one of its lines no weight', async () => {
  const web = await webServers(2, 'own');
  const [canary, other] = web.map((one, index) => line(one, index === 0 ? 'check weight 0' : ''));
  const lb = await haproxy(
    web.map((one) => line(one)),
    `backend canary\n  ${canary}\n  ${other}`,
  );
  const { disable, enable, status } = await agent([lb.socket]);
  await disable({ server: 'web1' });
  assert.equal((await status({ server: 'web1' })).ready, false);
  const dry = await enable({ server: 'web1' }, { ...actionContext(), dryRun: true });
  assert.deepEqual([dry.changed, dry.available], [['web1'], 1], 'the line gets nothing new');
  const done = await enable({ server: 'web1' });
  assert.deepEqual([done.changed, done.available], [['web1'], 1]);
  assert.equal((await status({ server: 'web1' })).ready, true);
  assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'canary')).web1], [0, 0]);
});

/** `server` lines under other names. */
const named = (name: string, { host, port }: WebServer) => `server ${name} ${host}:${port}`;

describe('a host in several backends', () => {
  test('is disabled in all of them, and enabled in all', async () => {
    const { lb } = await severalBackends();
    const { disable, enable, status } = await agent([lb.socket]);
    const { backend, hosts } = await disable({ server: 'web1' });
    assert.equal(backend, 'app,static,ws');
    assert.deepEqual(hosts[0]?.lines, ['app/web1', 'static/web1', 'ws/web1']);
    assert.deepEqual((await adminStates(lb)).web1, 1);
    assert.deepEqual((await adminStates(lb, 'static')).web1, 1);
    assert.deepEqual((await adminStates(lb, 'ws')).web1, 2, 'it follows, and needs no command of its own');
    await enable({ server: 'web1' });
    assert.equal((await status({ server: 'web1,web2,web3' })).ready, true);
    for (const one of ['app', 'static', 'ws']) assert.equal((await adminStates(lb, one)).web1, 0, one);
  });

  test('is reported to serve in the others if the call is limited to some', async () => {
    const { lb } = await severalBackends();
    const { disable, status } = await agent([lb.socket]);
    const { backend, hosts } = await disable({ server: 'web1', backend: 'app' });
    assert.equal(backend, 'app');
    assert.deepEqual(hosts[0], {
      name: 'web1',
      lines: ['app/web1', 'ws/web1'],
      still_serving: ['static/web1'],
      out_since: hosts[0]?.out_since,
    });
    const [server] = (await status({ server: 'web1', backend: 'app' })).servers;
    assert.deepEqual([server?.in_rotation, server?.still_serving], [false, ['static/web1']]);
    assert.equal((await adminStates(lb, 'static')).web1, 0);
  });

  test('keeps its other backends if it does not come in where it was out', async (context) => {
    const pass = movableClock(context);
    const { web, lb } = await severalBackends();
    const { disable, enable, status } = await agent([lb.socket], { enable_timeout: 60 });
    await disable({ server: 'web1', backend: 'app' });
    web[0]?.checkStatus(503);
    const refused = assert.rejects(enable({ server: 'web1' }), fails('server-not-up', /app\/web1: L7STS 503/));
    await until('its check failed', async () => /^app,web1,.*L7STS/m.test(await lb.ask('show stat app 4 -1')));
    pass(60);
    await refused;
    await status({});
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1], [1, 0]);
  });

  test('is enabled in the named backends, and held out of the others', async () => {
    const { lb } = await severalBackends();
    const { disable, enable } = await agent([lb.socket]);
    await disable({ server: 'web1' });
    await enable({ server: 'web1', backend: 'app,ws' });
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1], [0, 1]);
    await lb.ask('set server static/web1 state ready');
    await lb.ask('set server app/web1 state drain');
    // A host that is checked is held again; a host that is no longer held stays unchanged.
    await disable({ server: 'web2', backend: 'app' });
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1], [8, 1]);
  });

  test('is held out of and enabled in one that reaches it by a unix socket, too', async () => {
    const web = await webServers(2, 'own');
    const lb = await haproxy(
      web.map((one) => line(one)),
      `backend static
  ${web.map(({ name }) => `server ${name} unix@/run/mco-deploy-test/${name}.sock`).join('\n  ')}`,
    );
    const { disable, enable, status } = await agent([lb.socket], { watch_interval: 60 });
    await disable({ server: 'web1' });
    await lb.ask('set server static/web1 state ready');
    const [server] = (await status({ server: 'web1' })).servers;
    assert.deepEqual(
      server?.breaks?.map((one) => one.line),
      ['static/web1'],
    );
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1], [1, 1]);
    assert.deepEqual((await enable({ server: 'web1' })).hosts[0]?.lines, ['app/web1', 'static/web1']);
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'static')).web1], [0, 0]);
  });

  test('counts in each of them for the minimum of servers', async () => {
    const { web, lb } = await severalBackends(2);
    const { disable } = await agent([lb.socket]);
    await lb.ask(`set server static/${web[1]?.name} state maint`);
    const call = disable({ server: 'web1' });
    await assert.rejects(call, fails('too-few-servers', /0 usable servers in the backend “static”/));
    await disable({ server: 'web1', backend: 'app' });
  });

  test('waits for its sessions in a backend that follows', async () => {
    const web = await webServers(2, 'own');
    const follows = `backend ws\n  ${web.map((one) => line(one, `track app/${one.name}`)).join('\n  ')}`;
    const lb = await haproxy(
      web.map((one) => line(one)),
      follows,
      { route: 'use_backend ws if TRUE' },
    );
    const { disable } = await agent([lb.socket]);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()];
    while (!/^ws,web1,0,0,1,/m.test(await lb.ask('show stat ws 4 -1')));
    const said = Promise.withResolvers<string>();
    const call = disable({ server: 'web1', backend: 'app' }, { ...actionContext(), progress: said.resolve });
    assert.match(await said.promise, /web1: 1 session/);
    gate.resolve();
    await call;
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200],
    );
  });
});

describe('a host with two lines', () => {
  const twoLines = async () => {
    const web = await webServers(3, 'own');
    const [a, b, c] = web as [WebServer, WebServer, WebServer];
    const second = { ...a, port: a.port + 1 };
    return {
      a,
      lb: await haproxy([named('app1-a', a), named('app1-b', second), named('app2-a', b), named('app3-a', c)]),
    };
  };

  for (const asked of ['127.0.0.2', 'app1-a', 'app1-b', '127.2']) {
    test(`is disabled completely if requested as ${asked}`, async () => {
      const { lb } = await twoLines();
      const { disable } = await agent([lb.socket]);
      assert.deepEqual((await disable({ server: asked })).changed, [asked]);
      assert.deepEqual(await adminStates(lb), { 'app1-a': 1, 'app1-b': 1, 'app2-a': 0, 'app3-a': 0 });
    });
  }

  test('is disabled by a map that lists both lines, or one of them', async () => {
    for (const map of [['app1-a', 'app/app1-b'], 'app/app1-a'] as const) {
      const { lb } = await twoLines();
      const servers = { 'dev1.devco.net': typeof map === 'string' ? map : [...map] };
      const { disable } = await agent([lb.socket], { servers });
      assert.deepEqual((await disable({ server: 'dev1.devco.net' })).hosts[0]?.lines, ['app/app1-a', 'app/app1-b']);
      await endAll();
    }
  });

  test('can be limited to a port, given or configured, and serves at the other', async () => {
    const { a, lb } = await twoLines();
    const { disable, enable } = await agent([lb.socket]);
    const { hosts } = await disable({ server: '127.0.0.2', port: String(a.port) });
    assert.deepEqual([hosts[0]?.lines, hosts[0]?.still_serving], [['app/app1-a'], ['app/app1-b']]);
    await enable({ server: '127.0.0.2' });
    const configured = await agent([lb.socket], { ports: [a.port] });
    assert.deepEqual((await configured.disable({ server: '127.0.0.2' })).hosts[0]?.still_serving, ['app/app1-b']);
    const none = configured.disable({ server: '127.0.0.3', port: String(a.port + 1) });
    await assert.rejects(none, fails('unknown-server', new RegExp(`leads to 127.0.0.3 at port ${a.port + 1}`)));
    await assert.rejects(disable({ server: 'app1-a', port: '0' }), fails('bad-port'));
  });
});

describe('a refusal before any change, which names both sides', () => {
  test('reports an unknown backend in a list of backends', async () => {
    const { lb } = await severalBackends();
    const { disable } = await agent([lb.socket]);
    const call = disable({ server: 'web1', backend: 'app,statik' });
    await assert.rejects(call, fails('unknown-backend', /no backend “statik”.*did you mean “static”/));
    assert.equal((await adminStates(lb)).web1, 0);
  });

  test('reports a map that gives a host the line of another', async () => {
    const { lb } = await severalBackends();
    const { disable } = await agent([lb.socket], { servers: { web1: 'app/web2' } });
    const call = disable({ server: 'web1' });
    await assert.rejects(
      call,
      fails('bad-map', /gives web1 the line app\/web2 \(127.0.0.3:\d+\).*web1 is app\/web1 \(127.0.0.2:\d+\)/),
    );
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
  });

  test('reports two hosts that share one line', async () => {
    const { lb } = await severalBackends();
    const { disable } = await agent([lb.socket], { servers: { 'dev1.devco.net': 'web1', 'dev9.devco.net': 'web1' } });
    for (const server of ['dev1.devco.net,dev9.devco.net', 'web1,127.0.0.2', 'web1,dev1.devco.net']) {
      const [one, two] = server.split(',');
      const call = disable({ server });
      await assert.rejects(
        call,
        fails('ambiguous-server', new RegExp(`${one} and ${two} both lead to app/web1`)),
        server,
      );
    }
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
  });

  test('reports a host that only one of two processes knows, in a backend that both have', async () => {
    const web = await webServers(3, 'own');
    const one = await haproxy(web.map((each) => line(each, '')));
    const two = await haproxy(web.slice(0, 2).map((each) => line(each, '')));
    const { disable } = await agent([one.socket, two.socket]);
    const call = disable({ server: 'web1,web3' });
    await assert.rejects(call, fails('unknown-server', new RegExp(`“app” at ${two.socket} leads to web3`)));
    assert.deepEqual(await adminStates(one), { web1: 0, web2: 0, web3: 0 });
  });

  test('reports a host without a line', async () => {
    const { lb } = await severalBackends();
    const { disable } = await agent([lb.socket]);
    await assert.rejects(disable({ server: 'web1,dev8.invalid' }), fails('unknown-server', /leads to dev8.invalid/));
    await assert.rejects(disable({ server: 'dev8.invalid' }), fails('unknown-server', /leads to dev8.invalid/));
  });
});

test('an IPv6 address finds its host, in any spelling', async () => {
  const web = await webServers(2, 'own');
  const lb = await haproxy([
    ...web.map((one) => line(one, '')),
    'server six [2001:db8::6]:80',
    'server six-b [2001:db8::6]:81',
  ]);
  const { list } = await agent([lb.socket]);
  const { hosts } = await list({ server: '2001:DB8:0:0::0006' });
  assert.deepEqual(hosts[0]?.lines, ['app/six', 'app/six-b']);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, test } from 'node:test';
import { actionContext, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import type { WebServer } from '../../support/agents/haproxy/haproxy.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  fails,
  haproxy,
  line,
  sessionsOn,
  summary,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import { movableClock } from '../../support/agents/haproxy/movable-clock.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

describe('disable', () => {
  test('puts servers into maintenance, and reports a change only once', async () => {
    const web = await webServers(4);
    const lb = await haproxy(web.map((one) => line(one)));
    const { disable } = await agent([lb.socket], { servers: { 'dev3.devco.net': 'web3' } });
    const first = await disable({ backend: 'app', server: 'web2,dev3.devco.net' });
    assert.deepEqual(summary(first), {
      backend: 'app',
      changed: ['web2', 'dev3.devco.net'],
      unchanged: [],
      available: 2,
    });
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 1, web3: 1, web4: 0 });
    const again = await disable({ backend: 'app', server: 'web2,dev3.devco.net' });
    assert.deepEqual(summary(again), {
      backend: 'app',
      changed: [],
      unchanged: ['web2', 'dev3.devco.net'],
      available: 2,
    });
  });

  test('fails for all servers if one is unknown, and changes none', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one)));
    const { disable, enable } = await agent([lb.socket]);
    for (const change of [disable, enable]) {
      const call = change({ backend: 'app', server: 'web1,web8,web9' });
      await assert.rejects(call, fails('unknown-server', /no line of the backend “app” at \S+ leads to web8, web9/));
    }
    await assert.rejects(disable({ backend: 'apq', server: 'web1' }), fails('unknown-backend', /did you mean “app”/));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0 });
  });

  test('leaves the last usable servers, unless the call forces it', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((one, index) => line(one, index === 2 ? 'backup' : '')));
    const { disable } = await agent([lb.socket]);
    const all = { backend: 'app', server: 'web1,web2' };
    await assert.rejects(disable(all), fails('too-few-servers', /would leave 0 usable servers/));
    await assert.rejects(disable(all, actionContext({ dryRun: true })), fails('too-few-servers'));
    await assert.rejects(disable({ backend: 'app', server: 'web1', min_available: 2 }), fails('too-few-servers'));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
    assert.equal((await disable({ ...all, min_available: 0 })).available, 0);
  });

  test('never exceeds the limit of each of two calls at once', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable } = await agent([lb.socket]);
    const calls = ['web1', 'web2'].map((server) => disable({ backend: 'app', server }));
    const [first, second] = await Promise.allSettled(calls);
    assert.equal(first?.status, 'fulfilled');
    assert.equal(second?.status, 'rejected');
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
  });

  test('reports in a dry run what it would do, and does nothing', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, enable } = await agent([lb.socket]);
    const dry = () => actionContext({ dryRun: true });
    const input = { backend: 'app', server: 'web1,web2' };
    assert.deepEqual(summary(await disable(input, dry())), {
      backend: 'app',
      changed: ['web1', 'web2'],
      unchanged: [],
      available: 1,
    });
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
    await disable({ backend: 'app', server: 'web1' });
    assert.deepEqual(summary(await enable(input, dry())), {
      backend: 'app',
      changed: ['web1'],
      unchanged: ['web2'],
      available: 3,
    });
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 0 });
    await assert.rejects(enable({ backend: 'app', server: 'web7' }, dry()), fails('unknown-server'));
  });
});

describe('disable with running requests', () => {
  test('lets a running request end before maintenance', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable } = await agent([lb.socket]);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()];
    await sessionsOn(lb, 2);
    const waiting = Promise.withResolvers<void>();
    const context = {
      ...actionContext(),
      progress: (message: string) => waiting.resolve(assert.match(message, /web1: 1 session/)),
    };
    const call = disable({ backend: 'app', server: 'web1' }, context);
    await waiting.promise;
    assert.equal((await adminStates(lb)).web1, 8);
    gate.resolve();
    await call;
    assert.equal((await adminStates(lb)).web1, 1);
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200],
    );
  });

  test('enters maintenance at the deadline and reports the remaining sessions', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable } = await agent([lb.socket], { drain_timeout: 0.1 });
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()];
    await sessionsOn(lb, 2);
    const context = actionContext();
    await disable({ backend: 'app', server: 'web1' }, context);
    assert.match(context.said.at(-1) ?? '', /sessions left after 0.1 s: web1: 1 session/);
    assert.equal((await adminStates(lb)).web1, 1);
    gate.resolve();
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200],
    );
  });

  test('restores what it changed when it is cancelled', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((one) => line(one, '')));
    await lb.ask('set server app/web2 state drain');
    const { disable } = await agent([lb.socket]);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()];
    await sessionsOn(lb, 2);
    const stop = new AbortController();
    const context = { ...actionContext({ signal: stop.signal }), progress: () => stop.abort() };
    const call = disable({ backend: 'app', server: 'web1,web2' }, context);
    await assert.rejects(call, fails('cancelled', /put back: app\/web1 to ready, app\/web2 to drain/));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 8, web3: 0 });
    gate.resolve();
    await Promise.all(answers);
  });
});

describe('disable with requests in the queue of a server', () => {
  test('waits until it has answered them too: HAProxy sends them to it even in maintenance', async () => {
    const web = await webServers(2);
    const [one, two] = web as [WebServer, WebServer];
    const gate = Promise.withResolvers<void>();
    one.hold(gate.promise);
    const lb = await haproxy(['use-server web1 if TRUE', line(one, 'check maxconn 1'), line(two)]);
    const { disable, status } = await agent([lb.socket], { drain_timeout: 30 });
    const replies = [lb.get(), lb.get(), lb.get()];
    await until('one is served and two wait', async () =>
      /^app,web1,2,\d+,1,/m.test(await lb.ask('show stat app 4 -1')),
    );
    const said = Promise.withResolvers<string>();
    const call = disable({ server: 'web1' }, { ...actionContext(), progress: said.resolve });
    assert.equal(await said.promise, 'waiting for sessions to end: web1: 3 sessions');
    gate.resolve();
    const [host] = (await call).hosts;
    assert.equal(one.served(), 3);
    assert.ok(host !== undefined && !('sessions_left' in host));
    assert.deepEqual(
      (await Promise.all(replies)).map(({ body }) => body),
      ['web1', 'web1', 'web1'],
    );
    assert.deepEqual((await status({})).out, ['web1']);
  });
});

describe('enable', () => {
  test('waits for a check that began after the change', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one)));
    const { disable, enable, status } = await agent([lb.socket]);
    await disable({ backend: 'app', server: 'web1' });
    const back = await enable({ backend: 'app', server: 'web1' });
    assert.deepEqual(summary(back), { backend: 'app', changed: ['web1'], unchanged: [], available: 2 });
    const { ready, servers } = await status({ backend: 'app', server: 'web1' });
    assert.equal(ready, true);
    assert.match(servers[0]?.status ?? '', /^UP$/);
  });

  test('does not count a check that began before the host was taken out', async (context) => {
    const pass = movableClock(context);
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, 'check rise 1')));
    const stateDirectory = temporaryDirectory();
    const { disable, enable } = await agent([lb.socket], { enable_timeout: 60 }, { stateDirectory });
    const gate = Promise.withResolvers<void>();
    await web[0]?.holdCheck(gate.promise);
    await disable({ backend: 'app', server: 'web1' });
    web[0]?.checkStatus(503);
    const refused = assert.rejects(enable({ backend: 'app', server: 'web1' }), fails('server-not-up', /L7STS 503/));
    const begun = async () => /"stage":"entering"/.test(readFileSync(join(stateDirectory, 'held.json'), 'utf8'));
    await until('the call has begun', begun);
    // It stays in maintenance; one that went into drain would get there meanwhile.
    for (let look = 0; look < 50 && (await adminStates(lb)).web1 === 1; look++) await setImmediate();
    gate.resolve();
    await until('its check failed', async () => /^app,web1,.*L7STS/m.test(await lb.ask('show stat app 4 -1')));
    pass(60);
    await refused;
  });

  test('does not count a check that began before the call on a host in drain', async (context) => {
    const pass = movableClock(context);
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, 'check rise 1')));
    const { enable } = await agent([lb.socket], { enable_timeout: 60 });
    await lb.ask('set server app/web1 state drain');
    const gate = Promise.withResolvers<void>();
    await web[0]?.holdCheck(gate.promise);
    web[0]?.checkStatus(503);
    const refused = assert.rejects(enable({ server: 'web1' }), fails('server-not-up', /L7STS 503/));
    await until('it waits for the end of that check', async () => (await adminStates(lb)).web1 === 1);
    gate.resolve();
    await until('its check failed', async () => /^app,web1,.*L7STS/m.test(await lb.ask('show stat app 4 -1')));
    pass(60);
    await refused;
    assert.equal((await adminStates(lb)).web1, 8, 'as it was');
  });

  for (const options of ['check', 'check fall 1']) {
    test(`keeps a server that died in maintenance out, and it gets no request (${options})`, async (context) => {
      const pass = movableClock(context);
      const web = await webServers(3);
      const [dead, alive] = web as [WebServer, WebServer, WebServer];
      const lb = await haproxy(web.map((one) => line(one, options)));
      const { disable, enable } = await agent([lb.socket], { enable_timeout: 60 });
      const input = { backend: 'app', server: 'web1,web2' };
      await disable(input);
      await dead.kill();
      const call = enable(input);
      const answers: number[] = [];
      const asking = (async () => {
        let over = false;
        void call
          .catch(() => {})
          .then(() => {
            over = true;
          });
        while (!over) answers.push((await lb.get()).status);
      })();
      const refused = assert.rejects(
        call,
        fails('server-not-up', /web1: L4CON.*Connection refused.*enabled: web2.*app\/web1 to maint/),
      );
      await until('web1 failed its check', async () => /^app,web1,.*L4CON/m.test(await lb.ask('show stat app 4 -1')));
      await until('web2 serves', () => alive.served() >= 20);
      pass(60);
      await refused;
      await asking;
      assert.deepEqual(new Set(answers), new Set([200]));
      assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 0 });
      assert.ok(alive.served() > 0);
      await dead.revive();
      assert.deepEqual((await enable(input)).changed, ['web1']);
      assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
    });
  }

  test('returns the output of a check that fails by its reply', async (context) => {
    const pass = movableClock(context);
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one)));
    const { disable, enable } = await agent([lb.socket], { enable_timeout: 60 });
    await disable({ backend: 'app', server: 'web1' });
    web[0]?.checkStatus(503);
    const refused = assert.rejects(enable({ backend: 'app', server: 'web1' }), fails('server-not-up', /L7STS 503/));
    await until('its check failed', async () => /^app,web1,.*L7STS/m.test(await lb.ask('show stat app 4 -1')));
    pass(60);
    await refused;
  });

  test('enables a server without checks, one in drain and one disabled by the configuration', async () => {
    const web = await webServers(3);
    const [a, b, c] = web as [WebServer, WebServer, WebServer];
    const lb = await haproxy([line(a, ''), line(b), line(c, 'check disabled')]);
    const { enable, status } = await agent([lb.socket]);
    await lb.ask('set server app/web1 state maint');
    await lb.ask('set server app/web2 state drain');
    const all = { backend: 'app', server: 'web1,web2,web3' };
    assert.deepEqual((await enable(all)).changed, ['web1', 'web2', 'web3']);
    assert.deepEqual((await status(all)).out, []);
    assert.deepEqual((await enable(all)).unchanged, ['web1', 'web2', 'web3']);
  });

  test('reports that an enabled server has the weight 0', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    await lb.ask('set server app/web1 weight 0');
    const { enable, status } = await agent([lb.socket], { enable_timeout: 0.1 });
    assert.deepEqual((await status({ backend: 'app' })).out, ['web1']);
    await assert.rejects(enable({ backend: 'app', server: 'web1' }), fails('server-not-up', /its weight is 0/));
  });
});

describe('HAProxy under load', () => {
  for (const keepAlive of [false, true]) {
    test(`loses no request while half the servers are disabled and enabled (keep-alive ${keepAlive})`, async () => {
      const web = await webServers(4);
      const lb = await haproxy(web.map((one) => line(one)));
      const { disable, enable } = await agent([lb.socket]);
      const client = new Agent({ keepAlive, maxSockets: 8 });
      const answers: { status: number; body: string }[] = [];
      let over = false;
      const load = Array.from({ length: 6 }, async () => {
        while (!over || answers.length < 300) answers.push(await lb.get(client));
      });
      for (const half of ['web1,web3', 'web2,web4']) {
        await disable({ backend: 'app', server: half });
        const out = web.filter(({ name }) => half.includes(name));
        // The worst case of an upgrade: the servers go away and come back.
        for (const one of out) await one.kill();
        for (const one of out) await one.revive();
        await enable({ backend: 'app', server: half });
      }
      over = true;
      await Promise.all(load);
      client.destroy();
      assert.ok(answers.length >= 300);
      assert.deepEqual(
        answers.filter(({ status }) => status !== 200),
        [],
      );
      assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['web1', 'web2', 'web3', 'web4']));
    });
  }
});

describe('several sockets', () => {
  test('change together or not at all', async () => {
    const web = await webServers(2);
    const [one, two] = [await haproxy(web.map((w) => line(w, ''))), await haproxy(web.map((w) => line(w, '')))];
    const both = await agent([one.socket, two.socket]);
    await both.disable({ backend: 'app', server: 'web1' });
    assert.deepEqual(
      [await adminStates(one), await adminStates(two)],
      [
        { web1: 1, web2: 0 },
        { web1: 1, web2: 0 },
      ],
    );
    await two.ask('set server app/web1 state ready');
    assert.deepEqual((await both.status({ backend: 'app' })).out, ['web1']);
    assert.deepEqual((await both.enable({ backend: 'app', server: 'web1' })).changed, ['web1']);
    assert.deepEqual(await adminStates(one), { web1: 0, web2: 0 });
  });

  test('fail the call on all if one does not know a server', async () => {
    const web = await webServers(3);
    const one = await haproxy(web.map((w) => line(w, '')));
    const two = await haproxy(web.slice(0, 2).map((w) => line(w, '')));
    const { disable } = await agent([one.socket, two.socket]);
    await assert.rejects(disable({ backend: 'app', server: 'web1,web3' }), fails('unknown-server', /leads to web3/));
    assert.deepEqual(await adminStates(one), { web1: 0, web2: 0, web3: 0 });
  });

  test('restore on the first what the second refuses', async () => {
    const web = await webServers(2);
    const one = await haproxy(web.map((w) => line(w, '')));
    const two = await haproxy(web.map((w) => line(w, '')));
    const refusing = await standIn(two.socket, (command) => (command.endsWith('state maint') ? 'No.\n\n' : undefined));
    const { disable } = await agent([one.socket, refusing]);
    const call = disable({ backend: 'app', server: 'web1' });
    await assert.rejects(
      call,
      fails('haproxy-refused', /refused “set server app\/web1 state maint”: No\..*app\/web1 to ready/),
    );
    assert.deepEqual(
      [await adminStates(one), await adminStates(two)],
      [
        { web1: 0, web2: 0 },
        { web1: 0, web2: 0 },
      ],
    );
  });

  test('fail the call and restore the other servers if one leaves maintenance', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((w) => line(w, '')));
    // This acts as a reload of HAProxy in between: the command succeeds, and is forgotten.
    const forgetful = await standIn(lb.socket, (command) =>
      command === 'set server app/web1 state maint' ? '\n' : undefined,
    );
    const { disable } = await agent([forgetful]);
    const call = disable({ backend: 'app', server: 'web1,web2' });
    await assert.rejects(
      call,
      fails('not-in-maintenance', /^web1 does not stay out: app\/web1 .*app\/web1 to ready, app\/web2 to ready/),
    );
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
  });

  test('return a server to maintenance everywhere if it cannot be made ready everywhere', async () => {
    const web = await webServers(2);
    const one = await haproxy(web.map((w) => line(w)));
    const two = await haproxy(web.map((w) => line(w)));
    const refusing = await standIn(two.socket, (command) => (command.endsWith('state ready') ? 'No.\n\n' : undefined));
    const { enable, disable } = await agent([one.socket, refusing]);
    await disable({ backend: 'app', server: 'web1' });
    await assert.rejects(enable({ backend: 'app', server: 'web1' }), fails('haproxy-refused', /app\/web1 to maint/));
    assert.deepEqual(
      [await adminStates(one), await adminStates(two)],
      [
        { web1: 1, web2: 0 },
        { web1: 1, web2: 0 },
      ],
    );
  });

  test('behave the same over TCP', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((w) => line(w, '')));
    const relay = createServer((client) => {
      const real = connect(lb.socket);
      // HAProxy closes as soon as it has answered.
      for (const end of [client, real]) end.on('error', () => {});
      client.pipe(real).pipe(client);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    ended.push(async () => relay.close());
    const { disable } = await agent([`127.0.0.1:${(relay.address() as { port: number }).port}`]);
    assert.deepEqual((await disable({ backend: 'app', server: 'web1' })).changed, ['web1']);
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
  });
});

/** A unix socket that passes commands on to another, save those that it answers itself. */
async function standIn(socket: string, answer: (command: string) => string | undefined): Promise<string> {
  const path = join(temporaryDirectory(), 'stand-in.sock');
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', (chunk: Buffer) => {
      const own = answer(chunk.toString().trim());
      if (own !== undefined) return client.end(own);
      const real = connect(socket);
      // HAProxy is killed at the end of a test, even with open connections.
      real.on('error', () => client.destroy());
      real.write(chunk);
      return real.pipe(client);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  ended.push(async () => server.close());
  return path;
}

/** HAProxy's socket, with all that is sent to it written down. */
async function listenIn(socket: string): Promise<{ socket: string; commands: string[] }> {
  const commands: string[] = [];
  const place = await standIn(socket, (command) => {
    commands.push(...command.split(/[;\n]/).map((one) => one.trim()));
    return undefined;
  });
  return { socket: place, commands };
}

describe('an unusable socket', () => {
  test('gives one clear problem if it is missing, hangs or closes', async () => {
    const web = await webServers(1);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const missing = await agent([join(temporaryDirectory(), 'none.sock')]);
    await assert.rejects(
      missing.status({ backend: 'app' }),
      fails('haproxy-unreachable', /none\.sock cannot be reached: no such file/),
    );
    const silent = await agent([await standIn(lb.socket, () => '')]);
    await assert.rejects(silent.status({ backend: 'app' }), fails('haproxy-answer', /without answering/));
    const stuck = createServer(() => {}).listen(0, '127.0.0.1');
    await once(stuck, 'listening');
    ended.push(async () => stuck.close());
    const address = stuck.address() as { port: number };
    const hanging = await agent([`127.0.0.1:${address.port}`], { timeout: 0.2 });
    await assert.rejects(hanging.disable({ backend: 'app', server: 'web1' }), fails('haproxy-timeout', /within 0.2 s/));
    await lb.stop();
    const crashed = await agent([lb.socket]);
    await assert.rejects(crashed.list({}), fails('haproxy-unreachable', /connection refused/));
  });

  test('is detected before anything changes if it may only read', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { socket, commands } = await listenIn(lb.readOnlySocket);
    const { disable, enable, weight, status } = await agent([socket]);
    assert.equal((await status({ backend: 'app' })).ready, true);
    const server = { backend: 'app', server: 'web1' };
    await assert.rejects(disable(server), fails('haproxy-not-admin', /level “user”/));
    await assert.rejects(weight({ ...server, weight: '50%' }), fails('haproxy-not-admin', /level “user”/));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0 });
    await lb.ask('set server app/web1 state maint');
    await assert.rejects(enable(server), fails('haproxy-not-admin', /level “user”/));
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
    const changes = commands.filter((command) => !command.startsWith('show '));
    assert.deepEqual(changes, [], 'no change was even tried');
    assert.ok(commands.length > 0);
  });

  test('never receives names that contain commands', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { socket, commands } = await listenIn(lb.socket);
    const { disable, enable, weight, status } = await agent([socket], { watch_interval: 60 });
    for (const bad of ['web1;show info', 'web1\nshow info', '@1', 'web1 state maint', 'a,,b', 'x\\']) {
      await assert.rejects(disable({ backend: 'app', server: bad }), fails('bad-name'), bad);
      await assert.rejects(enable({ backend: 'app', server: bad }), fails('bad-name'), bad);
      await assert.rejects(weight({ backend: 'app', server: bad, weight: '50%' }), fails('bad-name'), bad);
      await assert.rejects(status({ backend: bad }), fails('bad-name'), bad);
      await assert.rejects(disable({ backend: bad, server: 'web1' }), fails('bad-name'), bad);
    }
    assert.deepEqual(commands, []);
    await assert.rejects(status({ backend: '3' }), fails('unknown-backend'));
    await assert.rejects(status({ backend: '-1' }), fails('unknown-backend'));
  });
});

describe('the action that lists backends', () => {
  test('lists backends, and those that have all requested servers by name, map or address', async () => {
    const web = await webServers(2);
    const [a, b] = web as [WebServer, WebServer];
    const lb = await haproxy(
      web.map((one) => line(one, '')),
      `backend other\n  server web1 127.0.0.2:80\n  server x 127.0.0.3:80`,
    );
    const { list, status } = await agent([lb.socket], { servers: { 'dev2.devco.net': 'web2' } });
    const all = await list({});
    assert.deepEqual(all.backends, [
      { name: 'app', servers: ['web1', 'web2'] },
      { name: 'other', servers: ['web1', 'x'] },
    ]);
    assert.deepEqual((await list({ server: 'web1' })).holding, ['app', 'other']);
    assert.deepEqual((await list({ server: 'web1,dev2.devco.net' })).holding, ['app']);
    assert.deepEqual((await list({ server: '127.0.0.3' })).holding, ['other']);
    assert.deepEqual((await list({ server: 'no-such-host.invalid' })).holding, []);
    assert.deepEqual((await list({ server: `127.0.0.1:${b.port},127.0.0.1:${a.port}` })).holding, ['app']);
    assert.deepEqual((await list({ server: '127.0.0.1' })).holding, [], 'an address of two servers names neither');
    const { servers } = await status({ backend: 'app', server: `dev2.devco.net` });
    assert.deepEqual(
      servers.map(({ name, server, status: said, in_rotation }) => ({ name, server, said, in_rotation })),
      [{ name: 'dev2.devco.net', server: 'web2', said: 'no check', in_rotation: true }],
    );
  });

  test('finds a host name that HAProxy does not know by its address', async () => {
    const web = await webServers(2, 'own');
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { status } = await agent([lb.socket]);
    // The resolver reads this as 127.0.0.2 (inet_aton(3)), without any name server.
    const { servers } = await status({ server: '127.2' });
    assert.deepEqual([servers[0]?.name, servers[0]?.server], ['127.2', 'web1']);
  });
});

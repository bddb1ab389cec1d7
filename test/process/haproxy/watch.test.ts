import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import {
  adminStates,
  agent,
  endAll,
  fails,
  haproxy,
  line,
  listener,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import type { WebServer } from '../../support/agents/haproxy/haproxy.ts';

afterEach(endAll);

const takenOutAgain = 'a host that is held out was put into traffic';
/** The watch checks so rarely that only `status` does. */
const never = { watch_interval: 60 };

describe('HAProxy is restarted', () => {
  test('disabled servers return to maintenance, enabled ones do not', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((one) => line(one)));
    const { log, next } = listener();
    const { disable, enable, status } = await agent([lb.socket], {}, { log });
    await disable({ backend: 'app', server: 'web1,web2' });
    await enable({ backend: 'app', server: 'web2' });
    const again = next(takenOutAgain);
    await lb.restart();
    const { host, cause } = (await again) as { host: string; cause: string };
    assert.equal(host, 'web1');
    assert.match(cause, /HAProxy was reloaded or restarted/);
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 0 });
    const { servers } = await status({ backend: 'app' });
    assert.deepEqual(
      servers.map(({ caller }) => caller),
      ['cert=rip@devco.net', undefined, undefined],
    );
    assert.equal(typeof servers[0]?.since, 'number');
  });

  test('disabled servers return to maintenance even if the daemon was down meanwhile', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const stateDirectory = temporaryDirectory();
    const first = await agent([lb.socket], {}, { stateDirectory });
    await first.disable({ backend: 'app', server: 'web1' });
    await first.stop();
    await lb.restart();
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0 });
    const { log, next } = listener();
    const again = next(takenOutAgain);
    await agent([lb.socket], {}, { stateDirectory, log });
    await again;
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
  });

  test('the processes of the break are named, and the outage starts again', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, status } = await agent([lb.socket], never);
    const since = (await disable({ server: 'web1' })).hosts[0]?.out_since ?? 0;
    const [before] = (await status({ server: 'web1' })).servers;
    assert.deepEqual([before?.out_since, before?.breaks], [since, []]);
    await lb.restart();
    const { servers, processes } = await status({ server: 'web1' });
    assert.equal(servers[0]?.in_rotation, false);
    assert.ok((servers[0]?.out_since ?? 0) > since);
    assert.match(
      servers[0]?.breaks?.[0]?.where ?? '',
      new RegExp(`process ${processes[0]?.pid}.*before it was process`),
    );
  });
});

describe('HAProxy is reloaded', () => {
  test('a host stays out the whole time if states are restored', async () => {
    const web = await webServers(3, 'own');
    const lb = await haproxy(
      web.map((one) => line(one, '')),
      '',
      { restoring: true },
    );
    const { disable, status } = await agent([lb.socket], never);
    const since = (await disable({ server: 'web1' })).hosts[0]?.out_since;
    let over = false;
    const load = (async () => {
      while (!over) await lb.get();
    })();
    await lb.reload();
    const [server] = (await status({ server: 'web1' })).servers;
    over = true;
    await load;
    assert.deepEqual([server?.out_since, server?.breaks], [since, []]);
    assert.equal(web[0]?.served(), 0);
  });

  test('a host is enabled again if restored states are from before it was enabled', async () => {
    const web = await webServers(2, 'own');
    const lines = web.map((one) => line(one));
    const lb = await haproxy(lines, '', { restoring: true });
    const { log, next } = listener();
    const { disable, enable, status } = await agent([lb.socket], {}, { log });
    await disable({ server: 'web1' });
    const finish = await lb.beginReload();
    await enable({ server: 'web1' });
    const again = next('a reload of HAProxy took out hosts that were just put in');
    await finish();
    assert.deepEqual(await again, { hosts: ['web1'] });
    assert.equal((await status({ server: 'web1' })).ready, true);
  });

  test('a host stays out if restored states are from before it was enabled and disabled again', async () => {
    const web = await webServers(2, 'own');
    const lines = web.map((one) => line(one));
    const lb = await haproxy(lines, '', { restoring: true });
    const { disable, enable, status } = await agent([lb.socket]);
    await disable({ server: 'web1' });
    await enable({ server: 'web1' });
    await disable({ server: 'web1' });
    await lb.reload();
    for (let look = 0; look < 10; look++) {
      assert.deepEqual((await status({})).out, ['web1']);
      await delay(50);
    }
  });

  for (const restoring of [false, true]) {
    test(`the same host and no other is out if slots are renumbered (restoring ${restoring})`, async () => {
      const web = await webServers(4, 'own');
      const [, b, c, d] = web as [WebServer, WebServer, WebServer, WebServer];
      const lb = await haproxy(
        web.map((one) => line(one, '')),
        '',
        { restoring },
      );
      const servers = { 'dev2.devco.net': 'web2', 'dev3.devco.net': 'web3', 'dev4.devco.net': 'web4' };
      const { disable, enable, status } = await agent([lb.socket], { ...never, servers });
      await disable({ server: 'dev2.devco.net' });
      await status({ server: 'dev2.devco.net,dev3.devco.net,dev4.devco.net' });
      await lb.reload([b, c, d].map((one, index) => line({ ...one, name: `web${index + 1}` }, '')));
      const [server] = (await status({ server: 'dev2.devco.net' })).servers;
      assert.deepEqual([server?.server, server?.in_rotation], ['web1', false]);
      assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 0 });
      const before = [b, c, d].map((one) => one.served());
      for (let request = 0; request < 20; request++) await lb.get();
      assert.deepEqual(
        [b, c, d].map((one, index) => one.served() > (before[index] ?? 0)),
        [false, true, true],
      );
      // The map is as it was: it now names lines of other hosts.
      await assert.rejects(
        disable({ server: 'dev3.devco.net' }),
        fails('bad-map', /web3.*the address of dev4.devco.net/),
      );
      await enable({ server: 'dev2.devco.net' });
      assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
    });
  }
});

describe('a host that is held out, and that no line leads to any more', () => {
  const withoutLine = async () => {
    const web = await webServers(3, 'own');
    const [one, other] = [
      await haproxy(web.map((server) => line(server))),
      await haproxy(web.map((server) => line(server))),
    ];
    const { disable, enable, status } = await agent([one.socket, other.socket], never);
    await disable({ server: 'web1' });
    const rest = web.slice(1).map((server) => line(server));
    return { one, other, rest, disable, enable, status };
  };

  test('is shown beside the host that has its line now, under another name', async () => {
    const web = await webServers(3, 'own');
    const [, two, three] = web.map((server) => ({ ...server }));
    assert.ok(two && three);
    const lb = await haproxy(web.slice(0, 2).map((server) => line(server)));
    const { disable, status } = await agent([lb.socket], never);
    await disable({ server: 'web1' });
    await lb.reload([line({ ...three, name: 'web1' }), line(two)]);
    const { servers } = await status({});
    assert.deepEqual(
      servers.map(({ name, in_rotation: isIn }) => [name, isIn]),
      [
        [`${three.host}:${three.port}`, true],
        ['web2', true],
        ['web1', false],
      ],
    );
  });

  test('is shown, and its hold ends only by an explicit call', async () => {
    const { one, other, rest, disable, enable, status } = await withoutLine();
    await Promise.all([one.reload(rest), other.reload(rest)]);
    const { out, ready, servers } = await status({});
    assert.deepEqual([out, ready], [['web1'], false]);
    const gone = servers.find(({ name }) => name === 'web1');
    assert.deepEqual([gone?.status, gone?.lines, typeof gone?.since], ['GONE', [], 'number']);
    assert.deepEqual((await status({ backend: 'app' })).out, ['web1']);
    for (const call of [enable, disable, status])
      await assert.rejects(
        call({ server: 'web1' }),
        fails('unknown-server', /web1 is held out.*enable server=web1 forget=true/),
      );
    const typo = fails('unknown-server', /^no line of HAProxy leads to web9/);
    await assert.rejects(enable({ server: 'web9', forget: true }), typo);
    const { changed, hosts, available } = await enable({ server: 'web1', forget: true });
    assert.deepEqual([changed, hosts, available], [['web1'], [{ name: 'web1', lines: [], still_serving: [] }], 0]);
    assert.deepEqual((await status({})).out, []);
  });

  test('in one of two processes, is put in where it still has lines', async () => {
    const { one, other, rest, enable, status } = await withoutLine();
    await other.reload(rest);
    await assert.rejects(enable({ server: 'web1' }), fails('unknown-server', /forget=true/));
    assert.deepEqual((await status({})).out, ['web1']);
    assert.deepEqual((await enable({ server: 'web1', forget: true })).changed, ['web1']);
    assert.deepEqual([(await status({})).out, (await adminStates(one)).web1], [[], 0]);
  });
});

describe('another program or person enables a host that is held out', () => {
  test('a person’s command is reverted, and the break is reported', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, enable, status } = await agent([lb.socket], never);
    await disable({ server: 'web1' });
    await lb.ask('set server app/web1 state ready');
    const [server] = (await status({ server: 'web1' })).servers;
    assert.equal(server?.in_rotation, false);
    assert.match(server?.breaks?.[0]?.cause ?? '', /a person or another tool/);
    assert.match(server?.breaks?.[0]?.where ?? '', /HAProxy’s log: “Server app\/web1 is UP\/READY/);
    await enable({ server: 'web1' });
    assert.deepEqual((await status({ server: 'web1' })).servers[0]?.breaks, undefined);
  });

  test('requests received between two checks are counted', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, status } = await agent([lb.socket], never);
    await disable({ server: 'web1' });
    await lb.ask('set server app/web1 state ready');
    while ((web[0]?.served() ?? 0) < 3) await lb.get();
    await lb.ask('set server app/web1 state maint');
    const [server] = (await status({ server: 'web1' })).servers;
    assert.match(server?.breaks?.[0]?.cause ?? '', /^it got 3 requests: something put it in for a moment/);
  });

  test('requests that HAProxy sends even in maintenance are counted', async () => {
    const web = await webServers(2);
    const lines = web.map((one) => line(one, ''));
    const always = `backend always\n  option persist\n  use-server web1 if TRUE\n  ${lines.join('\n  ')}`;
    const lb = await haproxy(lines, always, { route: 'use_backend always' });
    const { disable, status } = await agent([lb.socket], never);
    await disable({ server: 'web1' });
    assert.equal((await lb.get()).body, 'web1');
    const [server] = (await status({ server: 'web1' })).servers;
    assert.match(server?.breaks?.[0]?.cause ?? '', /^it got 1 requests: .*“option persist”/);
  });

  test('a hold ends under any name of its host, and nothing takes it out again', async () => {
    const web = await webServers(2, 'own');
    const [first] = web;
    const lb = await haproxy(
      web.map((one) => line(one, '')),
      `backend other\n  server s1 ${first?.host}:${first?.port}`,
    );
    const { disable, enable, status } = await agent([lb.socket], { ...never, min_available: 0 });
    for (const name of [first?.host ?? '', 's1', `${first?.host}:${first?.port}`]) {
      await disable({ server: 'web1' });
      await disable({ server: name });
      assert.deepEqual((await enable({ server: name })).changed, [name]);
      assert.deepEqual([(await status({})).out, (await adminStates(lb)).web1], [[], 0], name);
    }
  });

  test('a line with the address of the host is disabled', async () => {
    const web = await webServers(3, 'own');
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, status } = await agent([lb.socket], never);
    await disable({ server: 'web1' });
    await lb.ask(`set server app/web3 addr ${web[0]?.host} port ${web[0]?.port}`);
    const [server] = (await status({ server: 'web1' })).servers;
    assert.match(server?.breaks?.[0]?.cause ?? '', /address was changed at run time/);
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0, web3: 1 });
  });
});

describe('state on the disk that is damaged or old', () => {
  const held = async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const stateDirectory = temporaryDirectory();
    const first = await agent([lb.socket], {}, { stateDirectory });
    await first.disable({ server: 'web1' });
    await first.stop();
    return { lb, stateDirectory, file: join(stateDirectory, 'held.json') };
  };

  for (const [what, damage] of [
    ['empty', () => ''],
    ['cut off', (text: string) => text.slice(0, -20)],
    ['of another form', () => '{"version":9,"hosts":[]}'],
    ['without what makes a host', (text: string) => text.replace('"stage"', '"stag"')],
  ] as const) {
    test(`${what}: it is refused and reported, and never treated as empty`, async () => {
      const { lb, stateDirectory, file } = await held();
      const damaged = damage(readFileSync(file, 'utf8'));
      writeFileSync(file, damaged);
      const { log, next } = listener();
      const reported = next('the list of hosts that are held out cannot be read');
      const { disable, enable, status } = await agent([lb.socket], {}, { stateDirectory, log });
      await reported;
      for (const change of [disable, enable]) {
        await assert.rejects(change({ server: 'web2' }), fails('damaged-state', /held\.json is damaged.*move .* away/));
      }
      assert.equal(readFileSync(file, 'utf8'), damaged);
      assert.deepEqual((await status({ server: 'web1' })).out, ['web1']);
    });
  }

  test('state of version 0.1.0 (servers by name) still holds', async () => {
    const { lb, stateDirectory, file } = await held();
    const servers = [{ backend: 'app', server: 'web1', since: 1, caller: 'cert=eve', run: 'r1' }];
    writeFileSync(file, JSON.stringify({ servers, processes: {} }));
    await lb.restart();
    const { status } = await agent([lb.socket], never, { stateDirectory });
    const [server] = (await status({ server: 'web1' })).servers;
    assert.deepEqual([server?.in_rotation, server?.caller, server?.since], [false, 'cert=eve', 1]);
  });
});

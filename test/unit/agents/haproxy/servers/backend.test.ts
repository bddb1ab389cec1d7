import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { readViews, refreshViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { lineName, linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const { signal } = new AbortController();
const two = () =>
  fakeHaproxy({
    app: [
      { name: 'web1', passes: true },
      { name: 'web2', backup: true },
    ],
    static: [{ name: 'web1', passes: false }],
  });

describe('a reading of all backends', () => {
  test('distinguishes servers with the same name in two backends, with HAProxy’s counts for each', async () => {
    const views = await readViews([two()], signal);
    assert.deepEqual(linesOf(views).map(lineName), ['app/web1', 'app/web2', 'static/web1']);
    assert.deepEqual(
      views.map(({ backend, active, backups, servers }) => [
        backend,
        active,
        backups,
        servers.map((one) => one.status),
      ]),
      [
        ['app', 1, 1, ['UP', 'no check']],
        ['static', 0, 0, ['DOWN']],
      ],
    );
  });

  test('joins the two replies of each process by name, in any order of their lines', async () => {
    const fake = two();
    const turned: Runtime = {
      name: fake.name,
      ask: async (command, given) => {
        const [version = '', header = '', ...lines] = (await fake.ask(command, given)).split('\n');
        return command === 'show servers state'
          ? [version, header, ...lines.reverse()].join('\n')
          : [version, header, ...lines].join('\n');
      },
    };
    const servers = (await readViews([turned], signal)).flatMap((view) => view.servers);
    assert.deepEqual(
      servers.map(({ name, status, checked }) => [name, status, checked]),
      [
        ['web2', 'no check', false],
        ['web1', 'UP', true],
        ['web1', 'DOWN', true],
      ],
    );
  });

  test('omits a server that only one of the two replies has: HAProxy was reloaded in between', async () => {
    const [before, after] = [fakeHaproxy({ app: [{ name: 'web1' }] }), fakeHaproxy({ app: [{ name: 'web2' }] })];
    const both = fakeHaproxy({ app: [{ name: 'web1' }, { name: 'web2' }] });
    const mixed = (stat: Runtime, state: Runtime): Runtime => ({
      name: 'reloaded',
      ask: (command, given) => (command.startsWith('show stat') ? stat : state).ask(command, given),
    });
    for (const runtime of [mixed(both, after), mixed(after, both)]) {
      const [app] = await readViews([runtime], signal);
      assert.deepEqual(
        app?.servers.map(({ name }) => name),
        ['web2'],
      );
    }
    const [app] = await readViews([mixed(before, after)], signal);
    assert.deepEqual(app?.servers, []);
  });
});

describe('a backend', () => {
  test('may have no servers', async () => {
    const views = await readViews([fakeHaproxy({ app: [{ name: 'web1' }], empty: [] })], signal);
    assert.deepEqual(
      views.map(({ backend, servers }) => [backend, servers.length]),
      [
        ['app', 1],
        ['empty', 0],
      ],
    );
  });

  test('may have a server with the name “BACKEND”, which HAProxy gives to the sum of all', async () => {
    const named = fakeHaproxy({ app: [{ name: 'BACKEND', passes: false }, { name: 'web1' }] });
    const [app] = await readViews([named], signal);
    assert.deepEqual([app?.active, app?.servers.map(({ status }) => status)], [1, ['DOWN', 'no check']]);
  });

  test('is left out if HAProxy gives no sum for it', async () => {
    const fake = two();
    const partly: Runtime = {
      name: fake.name,
      ask: async (command, given) => {
        const answer = await fake.ask(command, given);
        return command.startsWith('show stat') ? answer.replace(/^app,BACKEND,.*\n/m, '') : answer;
      },
    };
    const views = await readViews([partly], signal);
    assert.deepEqual(
      views.map(({ backend }) => backend),
      ['static'],
    );
  });
});

describe('a second reading', () => {
  test('reads the same backends by name from each process', async () => {
    const [one, other] = [two(), fakeHaproxy({ app: [{ name: 'web9' }] }, '/run/other.sock')];
    const views = await readViews([one, other], signal);
    for (const fake of [one, other]) fake.asked.length = 0;
    const again = await refreshViews(
      views.filter(({ backend }) => backend === 'app'),
      signal,
    );
    assert.deepEqual(
      again.map(({ runtime, servers }) => [runtime.name, servers.map(({ name }) => name)]),
      [
        ['/run/fake.sock', ['web1', 'web2']],
        ['/run/other.sock', ['web9']],
      ],
    );
    assert.deepEqual(one.asked, ['show stat app 6 -1', 'show servers state app']);
  });

  test('reads nothing more of a backend that is gone: HAProxy would refuse that', async () => {
    const fake = two();
    const [app] = await readViews([fake], signal);
    fake.asked.length = 0;
    assert.deepEqual(app && (await refreshViews([{ ...app, backend: 'gone' }], signal)), []);
    assert.deepEqual(fake.asked, ['show stat gone 6 -1']);
  });

  test('finds a backend among all if HAProxy shows a frontend with its name instead', async () => {
    const fake = two();
    const hidden: Runtime = {
      name: fake.name,
      ask: async (command, given) => {
        const answer = await fake.ask(command, given);
        return command === 'show stat app 6 -1' ? (answer.split('\n')[0] ?? '') : answer;
      },
    };
    const views = await readViews([hidden], signal);
    const again = await refreshViews(views, signal);
    assert.deepEqual(linesOf(again).map(lineName), ['app/web1', 'app/web2', 'static/web1']);
  });

  test('leaves out a backend that is gone', async () => {
    const before = await readViews([two()], signal);
    const reloaded = fakeHaproxy({ static: [{ name: 'web1' }] });
    const now = await refreshViews(
      before.map((view) => ({ ...view, runtime: reloaded })),
      signal,
    );
    assert.deepEqual(
      now.map(({ backend }) => backend),
      ['static'],
    );
  });

  test('never asks for a backend with a name of digits, which HAProxy reads as a number', async () => {
    for (const name of ['7', '-7']) {
      const fake = fakeHaproxy({ app: [{ name: 'web1' }], [name]: [{ name: 'web7' }] });
      const views = await readViews([fake], signal);
      fake.asked.length = 0;
      const again = await refreshViews(
        views.filter(({ backend }) => backend === name),
        signal,
      );
      assert.deepEqual(
        again.map((view) => [view.backend, view.servers.map((one) => one.name)]),
        [[name, ['web7']]],
      );
      assert.deepEqual(fake.asked.sort(), ['show servers state', 'show stat -1 6 -1']);
    }
    // A digit inside of a name is none of a number.
    const fake = fakeHaproxy({ app7: [{ name: 'web1' }] });
    const views = await readViews([fake], signal);
    await refreshViews(views, signal);
    assert.ok(fake.asked.includes('show stat app7 6 -1'));
  });
});

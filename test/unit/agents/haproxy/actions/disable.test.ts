import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DisableInput, disable } from '../../../../../src/agents/haproxy/actions/disable.ts';
import { readMaintenance } from '../../../../../src/agents/haproxy/maintenance/store.ts';
import type { ActionContext } from '../../../../../src/core/agent.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { mockDelays, someTurns } from '../../../../support/mock-delays.ts';

const [dev1, dev2] = ['10.0.0.1', '10.0.0.2'] as const;
const three = () =>
  fakeHaproxy({
    app: [
      { name: 'web1', ip: dev1, passes: true, agent: 'up' },
      { name: 'web2', ip: dev2, passes: true },
      { name: 'web3', ip: '10.0.0.3', passes: true },
    ],
    ws: [
      { name: 'w1', ip: dev1, port: 81, tracked: 'app/web1' },
      { name: 'w9', ip: '10.0.0.9' },
    ],
    static: [
      { name: 's1', ip: dev1, port: 82 },
      { name: 's9', ip: '10.0.0.9' },
    ],
  });

async function estate(fake: FakeHaproxy = three(), config: Parameters<typeof fakeBalancer>[1] = {}) {
  const balancer = await fakeBalancer([fake], config);
  const take = (input: Partial<DisableInput> = {}, context: ActionContext = actionContext()) =>
    disable(balancer, { server: dev1, ...input }, context);
  return { fake, balancer, take };
}

describe('a host that is disabled', () => {
  test('goes through agent-checks, drain and maintenance on all of its lines; a tracking one needs no command', async () => {
    const { fake, take } = await estate();
    const report = await take();
    assert.deepEqual(fake.changes(), [
      'disable agent app/web1',
      ...['app/web1', 'static/s1'].map((line) => `set server ${line} state drain`),
      ...['app/web1', 'static/s1'].map((line) => `set server ${line} state maint`),
    ]);
    const { out_since: since = 0, ...host } = report.hosts[0] ?? {};
    assert.ok(since > 1_700_000_000_000);
    assert.deepEqual(host, { name: dev1, lines: ['app/web1', 'ws/w1', 'static/s1'], still_serving: [] });
    const { backend, changed, unchanged, available, ended } = report;
    assert.deepEqual([backend, changed, unchanged, available, ended], ['app,ws,static', [dev1], [], 1, undefined]);
  });

  test('is drained only once its agent-check is off', async () => {
    const { fake, take } = await estate();
    const on: (boolean | undefined)[] = [];
    fake.onCommand = async (command) => {
      if (command.startsWith('disable agent')) await someTurns();
      if (command.endsWith('state drain')) on.push(fake.server('app/web1').agentEnabled);
    };
    await take();
    assert.deepEqual(on, [false, false]);
  });

  test('gets a command for a tracking line if the call does not include the line that it tracks', async () => {
    const { fake, take } = await estate();
    await take({ backend: 'ws' });
    assert.deepEqual(fake.changes(), ['set server ws/w1 state drain', 'set server ws/w1 state maint']);
  });

  test('is recorded on disk as leaving before the first command, and as out at the end', async () => {
    const { fake, balancer, take } = await estate();
    const stages: string[] = [];
    fake.onCommand = async (command) => {
      if (fake.changes().length !== 1 || !command.startsWith('disable agent')) return;
      for (const { host, stage, lines } of await readMaintenance(balancer.file))
        stages.push(`${host} ${stage} ${lines.map(({ agent }) => agent).join()}`);
    };
    await take();
    assert.deepEqual(stages, [`${dev1} leaving true,false,false`]);
    const [held] = await readMaintenance(balancer.file);
    assert.deepEqual([held?.host, held?.stage, held?.caller], [dev1, 'out', 'cert=rip@devco.net']);
    assert.deepEqual(
      held?.lines.map(({ server, agent }) => [server, agent]),
      [
        ['web1', true],
        ['w1', false],
        ['s1', false],
      ],
    );
    assert.deepEqual(Object.keys(held?.processes ?? {}), [fake.name]);
  });

  test('waits between drain and maintenance for its sessions to end', async () => {
    const { fake, take } = await estate();
    fake.server('static/s1').sessions = 1;
    const context = actionContext();
    fake.onCommand = (command) => {
      if (command !== 'show stat static 6 -1' || fake.server('static/s1').admin !== 8) return;
      if (context.said.length > 0) fake.server('static/s1').sessions = 0;
    };
    const report = await take({ drain_timeout: 60 }, context);
    assert.deepEqual(context.said, [`waiting for sessions to end: ${dev1} (app/web1, ws/w1, static/s1): 1 session`]);
    assert.equal(report.hosts[0]?.sessions_left, undefined);
  });

  test('reports the sessions that remain after the configured time, if the call gives none', async () => {
    const { fake, take } = await estate();
    [fake.server('static/s1').sessions, fake.server('ws/w1').sessions] = [2, 1];
    const context = actionContext();
    assert.equal((await take({}, context)).hosts[0]?.sessions_left, 3);
    assert.match(context.said.at(-1) ?? '', /^sessions left after 0 s: .*: 3 sessions$/);
  });

  test('has its sessions ended by force on request, after maintenance', async () => {
    const { fake, take } = await estate();
    [fake.server('static/s1').sessions, fake.server('ws/w1').sessions] = [2, 1];
    const report = await take({ shutdown: true });
    assert.deepEqual(fake.changes().slice(-3), [
      'set server static/s1 state maint',
      'shutdown sessions server ws/w1',
      'shutdown sessions server static/s1',
    ]);
    assert.deepEqual([report.ended, report.hosts[0]?.sessions_left], [3, undefined]);
    // A second call ends what came since.
    fake.server('app/web1').sessions = 4;
    const again = await take({ shutdown: true });
    assert.deepEqual([again.changed, again.unchanged, again.ended], [[], [dev1], 4]);
  });

  test('is out of what a call is limited to, and the report lists what still serves it', async () => {
    const { fake, take } = await estate();
    const report = await take({ backend: 'static' });
    assert.deepEqual(fake.changes(), ['set server static/s1 state drain', 'set server static/s1 state maint']);
    assert.deepEqual(report.hosts[0]?.lines, ['static/s1']);
    assert.deepEqual(report.hosts[0]?.still_serving, ['app/web1', 'ws/w1']);
  });
});

describe('hosts that are already out', () => {
  test('get no new state and no draining, and are held from now on, with an unknown start', async () => {
    const { fake, balancer, take } = await estate();
    fake.server('app/web2').admin = 1;
    const report = await take({ server: `${dev2},${dev1}` });
    assert.deepEqual([report.changed, report.unchanged], [[dev1], [dev2]]);
    assert.ok(!fake.changes().some((command) => command.includes('web2')));
    const held = balancer.watch.hosts().map(({ host, stage, caller }) => [host, stage, caller]);
    assert.deepEqual(held.sort(), [
      [dev1, 'out', 'cert=rip@devco.net'],
      [dev2, 'out', undefined],
    ]);
  });

  test('have their agent-checks switched off', async () => {
    const { fake, take } = await estate();
    for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 1;
    const report = await take();
    assert.deepEqual([report.changed, report.unchanged], [[], [dev1]]);
    assert.deepEqual(fake.changes(), ['disable agent app/web1']);
  });

  test('are disabled on their other lines if they are out on some', async () => {
    const { fake, take } = await estate();
    fake.server('app/web1').admin = 1;
    assert.deepEqual((await take()).changed, [dev1]);
    const states = fake.changes().filter((command) => command.startsWith('set server'));
    assert.deepEqual(states, ['set server static/s1 state drain', 'set server static/s1 state maint']);
  });

  test('have the break recorded first if they were enabled meanwhile', async () => {
    const { fake, balancer, take } = await estate();
    await take();
    fake.server('static/s1').admin = 0;
    const report = await take();
    assert.deepEqual(report.unchanged, [dev1]);
    assert.equal(balancer.watch.hosts()[0]?.breaks.length, 1);
  });
});

describe('a disable call that changes nothing', () => {
  const untouched = async (given: Awaited<ReturnType<typeof estate>>) => {
    assert.deepEqual([given.fake.changes(), given.balancer.watch.hosts()], [[], []]);
  };

  test('reports in a dry run what would be left', async () => {
    const given = await estate();
    const report = await given.take({ server: `${dev1},${dev2}` }, actionContext({ dryRun: true }));
    assert.deepEqual([report.changed, report.available, report.hosts.length], [[dev1, dev2], 1, 2]);
    assert.equal(report.hosts[0]?.out_since, undefined);
    await untouched(given);
  });

  test('does not check held hosts in a dry run', async () => {
    const { fake, balancer, take } = await estate();
    await take();
    fake.server('static/s1').admin = 0;
    await take({}, actionContext({ dryRun: true }));
    assert.deepEqual([fake.server('static/s1').admin, balancer.watch.hosts()[0]?.breaks], [0, []]);
  });

  test('is refused if too few servers would be left: the configuration gives the number, or the call', async () => {
    const least2 = await estate(three(), { min_available: 2 });
    await assert.rejects(least2.take({ server: `${dev1},${dev2}`, backend: 'app' }), { code: 'too-few-servers' });
    await untouched(least2);
    const asked = await estate();
    await assert.rejects(asked.take({ server: dev2, min_available: 3 }), { code: 'too-few-servers' });
    await untouched(asked);
    assert.equal((await least2.take({ server: `${dev1},${dev2}`, backend: 'app', min_available: 1 })).available, 1);
  });

  test('is refused if HAProxy lacks a needed command, which is checked only when one is needed', async () => {
    for (const [lacks, input] of [
      ['set server', {}],
      ['disable agent', {}],
      ['shutdown sessions server', { shutdown: true }],
    ] as const) {
      const given = await estate();
      given.fake.lacks = lacks;
      await assert.rejects(given.take(input), { code: 'haproxy-lacks', message: new RegExp(`no command “${lacks}”`) });
      await untouched(given);
    }
    const other = await estate();
    other.fake.lacks = 'shutdown sessions server';
    assert.deepEqual((await other.take({ shutdown: false })).changed, [dev1]);
  });

  test('is refused if the socket allows no changes', async () => {
    const given = await estate();
    given.fake.level = 'operator';
    await assert.rejects(given.take(), { code: 'haproxy-not-admin', message: /allows only the level “operator”/ });
    await untouched(given);
  });
});

describe('a disable call in which a step fails', () => {
  test('restores states, agent-checks and holds; the first failure is reported', async () => {
    const { fake, balancer, take } = await estate();
    fake.onCommand = (command) => {
      if (command === 'set server static/s1 state maint') throw new Error('connection lost');
    };
    await assert.rejects(take({ server: `${dev1},${dev2}` }), {
      code: 'haproxy-failed',
      message: /^connection lost; put back: .*app\/web1 to ready/,
    });
    for (const line of ['app/web1', 'app/web2', 'static/s1']) assert.equal(fake.server(line).admin, 0, line);
    assert.equal(fake.server('app/web1').agentEnabled, true);
    assert.equal(fake.changes().at(-1), 'enable agent app/web1', 'the agent-check is put back last');
    assert.deepEqual([balancer.watch.hosts(), await readMaintenance(balancer.file)], [[], []]);
  });

  test('a server whose check began to fail while its sessions ended is restored as down', async () => {
    const { fake, take } = await estate();
    const web2 = fake.server('app/web2');
    web2.sessions = 1;
    let looks = 0;
    fake.onCommand = (command) => {
      if (command === 'set server app/web2 state maint') throw new Error('connection lost');
      if (command !== 'show stat app 6 -1' || web2.admin !== 8) return;
      web2.passes = false;
      if (++looks === 3) web2.sessions = 0;
    };
    await assert.rejects(take({ server: dev2, drain_timeout: 60 }), { message: /put back: app\/web2 to ready/ });
    assert.deepEqual(
      fake.changes().slice(-3),
      ['state drain', 'health down', 'state ready'].map((what) => `set server app/web2 ${what}`),
    );
  });

  test('keeps an earlier hold unchanged, and removes one that the call added', async () => {
    const { fake, balancer, take } = await estate();
    await take({ server: dev2 });
    const before = balancer.watch.hosts();
    const looked = before.map((host) => ({ ...host, lines: [], processes: {} }));
    fake.onCommand = (command) => {
      if (command === 'set server static/s1 state drain') throw new Error('connection lost');
    };
    await assert.rejects(take({ server: `${dev1},${dev2}` }), { code: 'haproxy-failed' });
    const after = balancer.watch.hosts().map((host) => ({ ...host, lines: [], processes: {} }));
    assert.deepEqual(after, looked);
    assert.equal(fake.server('app/web2').admin, 1);
  });

  test('leaves the hold of a host that is not part of the call alone, whatever became of it meanwhile', async () => {
    const { fake, balancer, take } = await estate();
    await take({ server: dev2 });
    fake.onCommand = async (command) => {
      if (command !== 'set server static/s1 state drain') return;
      await balancer.watch.remove([dev2]);
      throw new Error('connection lost');
    };
    await assert.rejects(take(), { message: /^connection lost/ });
    assert.deepEqual(balancer.watch.hosts(), []);
  });

  test('reports the failure of HAProxy even if the record cannot be restored', async () => {
    const { fake, balancer, take } = await estate();
    const { watch } = balancer;
    const full = async () => Promise.reject(new Error('disk full'));
    fake.onCommand = (command) => {
      if (command !== 'set server static/s1 state maint') return;
      Object.assign(balancer, { watch: { ...watch, put: full, remove: full } });
      throw new Error('connection lost');
    };
    await assert.rejects(take(), { message: /^connection lost/ });
    assert.equal(fake.server('app/web1').admin, 0);
  });

  test('sends no command if the hold cannot be recorded', async () => {
    const { fake, balancer, take } = await estate();
    Object.assign(balancer, {
      watch: {
        ...balancer.watch,
        put: async () => {
          throw new Error('disk full');
        },
      },
    });
    await assert.rejects(take(), { message: /^disk full/ });
    assert.deepEqual(fake.changes(), []);
  });
});

describe('a host that does not stay out', () => {
  test('is disabled once more, and then reported with what enabled it', async () => {
    const { fake, balancer, take } = await estate();
    let times = 0;
    fake.onCommand = (command) => {
      if (command === 'show info' && fake.server('static/s1').admin === 1 && times++ < 1)
        fake.server('static/s1').admin = 0;
    };
    await take({ backend: 'static', min_available: 0 });
    assert.equal(fake.server('static/s1').admin, 1);
    const stubborn = await estate();
    stubborn.fake.onCommand = (command) => {
      if (command === 'show info') stubborn.fake.server('static/s1').admin = 0;
    };
    await assert.rejects(stubborn.take({ backend: 'static' }), {
      code: 'not-in-maintenance',
      message:
        /static\/s1.* does not stay out: static\/s1 at \/run\/fake.sock is no check, a person or another tool put it in/,
    });
    assert.equal(stubborn.fake.server('static/s1').admin, 0);
    assert.deepEqual(stubborn.balancer.watch.hosts(), []);
    assert.equal(balancer.watch.hosts().length, 1);
  });

  test('is reported if its line is gone', async () => {
    const { fake, take } = await estate();
    fake.onCommand = (command) => {
      if (command === 'show info' && fake.asked.includes('set server static/s1 state maint')) fake.onCommand = () => {};
      else return;
      fake.remove('static/s1');
    };
    await assert.rejects(take({ backend: 'static' }), {
      code: 'not-in-maintenance',
      message: /^a line of 10\.0\.0\.1 \(static\/s1\) is gone from HAProxy/,
    });
  });

  test('is checked the second time after the configured seconds, not before', async () => {
    const { fake, take } = await estate(three(), { settle: 5 });
    const looks = () =>
      fake.asked.slice(fake.asked.lastIndexOf('show info')).filter((one) => one === 'show stat app 6 -1');
    using clock = mockDelays();
    const taking = take({ backend: 'app' });
    // Once before any change, and once before the first look.
    while (fake.asked.filter((one) => one === 'show info').length < 2) await someTurns();
    for (const [milliseconds, expected] of [
      [0, 1],
      [4999, 1],
      [1, 2],
    ] as const) {
      await clock.pass(milliseconds);
      assert.equal(looks().length, expected, `${milliseconds}`);
    }
    await taking;
  });

  test('is checked a second time after a moment if it has an agent-check', async () => {
    const { fake, take } = await estate();
    let infos = 0;
    fake.onCommand = (command) => {
      if (command === 'show info') infos++;
      // Something switches the agent-check on again between the two looks.
      const looks = fake.asked.slice(fake.asked.lastIndexOf('show info')).filter((one) => one === 'show stat app 6 -1');
      if (command.startsWith('show stat') && infos === 2 && looks.length === 2)
        fake.server('app/web1').agentEnabled = true;
    };
    await take({ backend: 'app' });
    assert.deepEqual(fake.changes().slice(-2), ['disable agent app/web1', 'set server app/web1 state maint']);
    assert.equal(infos, 3);
    const quiet = await estate();
    await quiet.take({ server: dev2 });
    const after = quiet.fake.asked.slice(quiet.fake.asked.lastIndexOf('show info'));
    assert.deepEqual(
      after,
      ['show info', 'show stat app 6 -1', 'show servers state app'],
      'one look is enough without',
    );
  });
});

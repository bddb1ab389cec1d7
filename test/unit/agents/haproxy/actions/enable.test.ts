import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disable } from '../../../../../src/agents/haproxy/actions/disable.ts';
import type { EnableInput } from '../../../../../src/agents/haproxy/actions/enable.ts';
import { enableOverReloads } from '../../../../../src/agents/haproxy/actions/enable-over-reloads.ts';
import { readMaintenance } from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { mockDelays } from '../../../../support/mock-delays.ts';

const [dev1, dev2] = ['10.0.0.1', '10.0.0.2'] as const;
const two = (socket?: string) =>
  fakeHaproxy(
    {
      app: [
        { name: 'web1', ip: dev1, passes: true },
        { name: 'web2', ip: dev2, passes: true },
      ],
      static: [
        { name: 's1', ip: dev1, port: 82, passes: true },
        { name: 's2', ip: '10.0.0.9', passes: true },
      ],
    },
    socket,
  );

async function estate(fake: FakeHaproxy = two(), config: Parameters<typeof fakeBalancer>[1] = {}) {
  const balancer = await fakeBalancer([fake], { min_available: 0, ...config });
  const call = (run: string) => actionContext({ runId: run });
  const out = async (server: string = dev1, more: { backend?: string; run?: string } = {}) => {
    const { run = '', ...input } = more;
    await disable(balancer, { server, ...input }, call(run));
    fake.asked.length = 0;
  };
  const put = (input: Partial<EnableInput> = {}, context = actionContext()) =>
    enableOverReloads(balancer, { server: dev1, ...input }, context);
  const heldNames = () => balancer.watch.hosts().map(({ host, stage }) => `${host} ${stage}`);
  return { fake, balancer, out, put, call, heldNames };
}

describe('a host that is enabled', () => {
  test('goes into drain first for its check, is in only after all lines have passed; then its hold ends', async () => {
    const { fake, balancer, out, put, heldNames } = await estate();
    await out();
    fake.server('static/s1').passes = false;
    const untilPassed: string[] = [];
    fake.onCommand = () => {
      if (fake.asked.filter((one) => one === 'show servers state static').length !== 6) return;
      untilPassed.push(...fake.changes());
      fake.server('static/s1').passes = true;
      fake.onCommand = () => {};
    };
    const report = await put();
    assert.deepEqual(untilPassed, [
      'set server app/web1 state drain',
      'set server app/web1 health down',
      'set server static/s1 state drain',
      'set server static/s1 health down',
    ]);
    assert.deepEqual(fake.changes().slice(-2), ['set server app/web1 state ready', 'set server static/s1 state ready']);
    const { backend, changed, unchanged, available, hosts } = report;
    assert.deepEqual([backend, changed, unchanged, available], ['app,static', [dev1], [], 2]);
    assert.deepEqual(hosts, [{ name: dev1, lines: ['app/web1', 'static/s1'], still_serving: [] }]);
    assert.deepEqual([heldNames(), await readMaintenance(balancer.file)], [[], []]);
  });

  test('is recorded on disk as entering before the first command, and not as out since then', async () => {
    const { fake, balancer, out, put } = await estate();
    await out();
    const stages: unknown[] = [];
    fake.onCommand = async (command) => {
      if (!command.endsWith('state drain') || stages.length > 0) return;
      stages.push(...(await readMaintenance(balancer.file)).map(({ stage, outSince }) => [stage, outSince]));
    };
    await put();
    assert.deepEqual(stages, [['entering', undefined]]);
  });

  test('is enabled even if a check had just found it in, and was about to disable it again', async () => {
    const { fake, balancer, out, put, heldNames } = await estate();
    await out();
    for (const name of ['app/web1', 'static/s1']) fake.server(name).admin = 0;
    let putting: Promise<unknown> | undefined;
    fake.onCommand = async (command) => {
      if (putting !== undefined || command !== 'set server app/web1 state maint') return;
      putting = put();
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    await balancer.watch.checkNow(new AbortController().signal);
    await putting;
    const lines = ['app/web1', 'static/s1'].map((name) => fake.server(name).admin);
    assert.deepEqual([lines, heldNames()], [[0, 0], []]);
  });

  test('is awaited, but not changed, if only its checks keep it out', async () => {
    const { fake, put } = await estate();
    fake.server('app/web1').passes = false;
    await fake.ask('show servers state', new AbortController().signal);
    fake.onCommand = (command) => {
      if (command === 'show servers state app') fake.server('app/web1').passes = true;
    };
    const report = await put();
    assert.deepEqual([report.changed, report.unchanged, fake.changes()], [[], [dev1], []]);
  });

  test('counts as changed if it was held, though a person has enabled it and only its checks keep it out', async () => {
    const { fake, out, put, heldNames } = await estate();
    await out();
    for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 0;
    fake.server('app/web1').passes = false;
    await fake.ask('show servers state', new AbortController().signal);
    fake.asked.length = 0;
    fake.onCommand = (command) => {
      if (command === 'show servers state app') fake.server('app/web1').passes = true;
    };
    const report = await put();
    assert.deepEqual([report.changed, report.unchanged, fake.changes(), heldNames()], [[dev1], [], [], []]);
  });

  test('is enabled on those of its lines that are out', async () => {
    const { fake, put } = await estate();
    fake.server('static/s1').admin = 1;
    assert.deepEqual((await put()).changed, [dev1]);
    assert.deepEqual(
      fake.changes(),
      ['state drain', 'health down', 'state ready'].map((what) => `set server static/s1 ${what}`),
    );
  });

  test('is not waited for if it is in, with its agent-check on or without one', async () => {
    for (const agent of [{}, { agent: 'up' }] as const) {
      const { fake, put } = await estate(fakeHaproxy({ app: [{ name: 'web1', ip: dev1, passes: true, ...agent }] }));
      await put();
      assert.equal(fake.asked.filter((one) => one === 'show info').length, 1, 'only before the call');
    }
  });

  test('needs nothing if it is in: processes are watched only for reloads', async () => {
    const { fake, balancer, put } = await estate();
    const report = await put();
    assert.deepEqual([report.changed, report.unchanged, report.available], [[], [dev1], 2]);
    assert.deepEqual(fake.changes(), []);
    assert.equal(balancer.arrived.length, 1);
  });

  test('is no longer held if a person enabled it before', async () => {
    const { fake, out, put, heldNames } = await estate();
    await out();
    for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 0;
    const report = await put();
    assert.deepEqual([report.changed, heldNames()], [[], []]);
  });

  test('keeps its hold for the lines that a call does not include', async () => {
    const { fake, balancer, out, put } = await estate();
    await out();
    await put({ backend: 'app' });
    assert.deepEqual([fake.server('app/web1').admin, fake.server('static/s1').admin], [0, 1]);
    const [held] = balancer.watch.hosts();
    assert.deepEqual([held?.stage, held?.backends], ['out', ['static']]);
    assert.deepEqual(await readMaintenance(balancer.file), balancer.watch.hosts());
  });
});

describe('an enable call of a run for its own hosts', () => {
  test('enables only hosts that the run disabled; those that another run or a person disabled stay out', async () => {
    for (const [run, own, isIn] of [
      ['run1', true, true],
      ['run2', true, false],
      ['', true, false],
      ['run2', false, true],
    ] as const) {
      const { fake, out, put, call, heldNames } = await estate();
      await out(dev1, { run: 'run1' });
      const report = await put({ own }, call(run));
      assert.deepEqual(report.changed, isIn ? [dev1] : [], `${run} ${own}`);
      assert.equal(fake.server('app/web1').admin, isIn ? 0 : 1);
      assert.equal(heldNames().length, isIn ? 0 : 1);
      assert.equal(report.hosts.length, 1);
    }
  });

  test('enables no host outside of a run, even if a call outside of one disabled it', async () => {
    const { out, put, heldNames } = await estate();
    await out();
    await put({ own: true });
    assert.equal(heldNames().length, 1);
  });
});

describe('an agent-check', () => {
  const withAgent = (more: object = {}) =>
    fakeHaproxy({
      app: [
        { name: 'web1', ip: dev1, passes: true, agent: 'up', ...more },
        { name: 'web2', ip: dev2 },
      ],
    });

  test('is on again if it was on before; the host is in once it has reported', async () => {
    const { fake, out, put } = await estate(withAgent());
    await out();
    assert.equal(fake.server('app/web1').agentEnabled, false);
    await put();
    assert.equal(fake.server('app/web1').agentEnabled, true);
    assert.deepEqual(fake.changes(), [
      'set server app/web1 state drain',
      'set server app/web1 health down',
      'set server app/web1 health up',
      'enable agent app/web1',
      'set server app/web1 agent down',
      'set server app/web1 state ready',
    ]);
  });

  test('stays off if it was off before', async () => {
    const { fake, out, put } = await estate(withAgent({ agentEnabled: false }));
    await out();
    await put();
    assert.deepEqual([fake.server('app/web1').agentEnabled, fake.server('app/web1').admin], [false, 0]);
  });

  test('is switched on again for a host that is in but had it on before', async () => {
    const { fake, out, put } = await estate(withAgent());
    await out();
    fake.server('app/web1').admin = 0;
    const report = await put();
    assert.deepEqual([report.changed, fake.server('app/web1').agentEnabled], [[dev1], true]);
  });

  test('is switched on again also if another line of the host has none', async () => {
    const own = { name: 'web1', ip: dev1, passes: true, agent: 'up' } as const;
    const fake = fakeHaproxy({ app: [own], static: [{ name: 's1', ip: dev1, port: 82 }] });
    const { out, put } = await estate(fake);
    await out();
    for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 0;
    assert.deepEqual([(await put()).changed, fake.server('app/web1').agentEnabled], [[dev1], true]);
  });

  /** Calls `atLook` when the agent has put the host in so many times, and checks after a moment that it has stayed in. */
  const checked = async (atLook: (times: number, fake: FakeHaproxy) => void, config: { settle?: number } = {}) => {
    const given = await estate(withAgent());
    await given.out();
    Object.assign(given.balancer, { config: { ...given.balancer.config, ...config } });
    const counts = { readies: 0, looks: 0 };
    given.fake.onCommand = (command) => {
      if (command === 'set server app/web1 state ready') [counts.readies, counts.looks] = [counts.readies + 1, 0];
      // The first look finds it without a report of its agent-check, the second finds it in.
      if (command === 'show stat app 6 -1' && counts.readies > 0 && ++counts.looks === 3)
        atLook(counts.readies, given.fake);
    };
    return { ...given, counts };
  };

  test('is overruled if it takes the host out again at once, but only twice', async () => {
    // The third and last time it is not checked again.
    for (const [often, readies, looks] of [
      [0, 1, 3],
      [1, 2, 3],
      [2, 3, 2],
      [9, 3, 2],
    ] as const) {
      const takeOut = (times: number, fake: FakeHaproxy) => {
        if (times <= often) fake.server('app/web1').admin = 8;
      };
      const { put, counts, heldNames } = await checked(takeOut);
      assert.deepEqual((await put()).changed, [dev1]);
      assert.deepEqual([counts, heldNames()], [{ readies, looks }, []], `taken out ${often} times`);
    }
  });

  test('has the configured seconds to take the host out again', async () => {
    const { put, counts } = await checked(() => {}, { settle: 5 });
    using clock = mockDelays();
    const putting = put();
    while (counts.looks < 2) await clock.pass(15);
    for (const [milliseconds, looks] of [
      [4999, 2],
      [1, 3],
    ] as const) {
      await clock.pass(milliseconds);
      assert.equal(counts.looks, looks);
    }
    assert.deepEqual((await putting).changed, [dev1]);
  });

  test('may have any result if the host cannot be checked once more: it was put in', async () => {
    const { put, counts } = await checked(() => {
      throw new Error('connection lost');
    });
    const { changed, available } = await put();
    assert.deepEqual([changed, available, counts.looks], [[dev1], 2, 3]);
  });

  test('is not overruled on a line that is gone by then', async () => {
    const { put, counts } = await checked((_times, fake) => fake.remove('app/web1'));
    assert.deepEqual([(await put()).changed, counts.readies], [[dev1], 1]);
  });

  test('is not waited for if the host has none', async () => {
    const { fake, out, put } = await estate(two(), { settle: 3600 });
    await out();
    await put();
    assert.equal(fake.server('app/web1').admin, 0);
  });
});

describe('a host that does not come up in time', () => {
  test('is out again and held, the others stay in, and the report says why', async (context) => {
    const { fake, balancer, out, put, heldNames } = await estate(two(), { enable_timeout: 10 });
    await out(`${dev1},${dev2}`);
    fake.server('static/s1').passes = false;
    // Each look at the checks takes a second.
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    fake.onCommand = (command) => {
      if (command === 'show info') now += 1000;
    };
    await assert.rejects(put({ server: `${dev1},${dev2}` }), {
      code: 'server-not-up',
      message:
        /^not in traffic within 10 s: 10\.0\.0\.1 \(app\/web1, static\/s1\): .*static\/s1: L4CON: Connection refused; enabled: 10\.0\.0\.2; put back: /,
    });
    assert.deepEqual(
      ['app/web1', 'static/s1', 'app/web2'].map((line) => fake.server(line).admin),
      [1, 1, 0],
    );
    assert.deepEqual(heldNames(), [`${dev1} out`]);
    const [held] = balancer.watch.hosts();
    assert.deepEqual([held?.outSince, held?.caller], [undefined, 'cert=rip@devco.net']);
    assert.equal(balancer.arrived.length, 0);
  });

  test('is as it was before if HAProxy refuses its first command', async () => {
    const { fake, out, put, heldNames } = await estate();
    await out();
    fake.onCommand = (command) => {
      if (command === 'set server static/s1 state drain') throw new Error('connection lost');
    };
    await assert.rejects(put(), {
      code: 'haproxy-failed',
      message: 'connection lost; put back: app/web1 to maint, static/s1 to maint',
    });
    assert.deepEqual([fake.server('app/web1').admin, heldNames()], [1, [`${dev1} out`]]);
  });

  test('is held from now on if it was in maintenance when the call began, and not if it was only down', async () => {
    const { fake, put, heldNames } = await estate(two(), { enable_timeout: 0.05 });
    fake.server('app/web1').admin = 1;
    fake.server('app/web1').passes = false;
    fake.server('app/web2').passes = false;
    // Its check has failed before the call.
    await fake.ask('show servers state', new AbortController().signal);
    await assert.rejects(put({ server: `${dev1},${dev2}` }), { code: 'server-not-up', message: /web1.*, .*web2/ });
    assert.deepEqual(heldNames(), [`${dev1} out`]);
    assert.equal(fake.server('app/web1').admin, 1);
  });

  test('stays held and watched if the end of its hold cannot be recorded', async () => {
    const { fake, balancer, out, put, heldNames } = await estate();
    await out();
    for (const name of ['app/web1', 'static/s1']) fake.server(name).admin = 0;
    const { watch } = balancer;
    Object.assign(balancer, { watch: { ...watch, remove: () => Promise.reject(new Error('disk full')) } });
    await assert.rejects(put(), { message: 'disk full' });
    assert.deepEqual(heldNames(), [`${dev1} out`]);
    await watch.checkNow(new AbortController().signal);
    assert.deepEqual(fake.changes(), ['set server app/web1 state maint', 'set server static/s1 state maint']);
  });

  test('is reported with the first failure even if it cannot be recorded', async () => {
    const { fake, balancer, out, put } = await estate(two(), { enable_timeout: 0.05 });
    await out();
    const held = balancer.watch.hosts();
    fake.server('app/web1').passes = false;
    let puts = 0;
    const full = async () => Promise.reject(new Error('disk full'));
    const { watch } = balancer;
    Object.assign(balancer, {
      watch: { ...watch, put: (hosts: typeof held) => (++puts === 1 ? watch.put(hosts) : full()), remove: full },
    });
    await assert.rejects(put(), { code: 'server-not-up' });
  });
});

describe('an enable call that changes nothing', () => {
  test('reports in a dry run what would be available, and does not identify processes', async () => {
    const { fake, balancer, out, put, heldNames } = await estate();
    await out();
    const report = await put({}, actionContext({ dryRun: true }));
    assert.deepEqual([report.changed, report.available], [[dev1], 2]);
    assert.deepEqual([fake.changes(), heldNames(), balancer.arrived], [[], [`${dev1} out`], []]);
    assert.ok(!fake.asked.includes('show info'));
  });

  test('opens no socket for invalid names or ports', async () => {
    const { fake, put } = await estate();
    for (const [input, code] of [
      [{ server: 'a b' }, 'bad-name'],
      [{ backend: 'a b' }, 'bad-name'],
      [{ port: '0' }, 'bad-port'],
    ] as const)
      await assert.rejects(put(input), { code });
    assert.deepEqual(fake.asked, []);
  });
});

describe('a reload of HAProxy during enable', () => {
  test('makes the host start again in the new process, and it is in only after a check there', async () => {
    const { fake, out, put } = await estate();
    await out();
    fake.onCommand = (command) => {
      if (command !== 'set server static/s1 state ready') return;
      // The new process restored the states of before.
      fake.info.pid = 101;
      for (const line of ['app/web1', 'static/s1']) fake.server(line).admin = 1;
      fake.onCommand = () => {};
    };
    await put();
    assert.deepEqual(
      ['app/web1', 'static/s1'].map((line) => fake.server(line).admin),
      [0, 0],
    );
    const drains = fake.changes().filter((command) => command === 'set server app/web1 state drain');
    assert.equal(drains.length, 2);
  });
});

describe('a reload of HAProxy after enable', () => {
  const arrived = async () => {
    const given = await estate();
    await given.out();
    const context = actionContext();
    await given.put({}, context);
    const [arrival] = given.balancer.arrived;
    assert.ok(arrival);
    given.fake.asked.length = 0;
    return { ...given, context, putInAgain: () => arrival.putInAgain(new AbortController().signal), arrival };
  };

  test('enables the host again if the reload took it out, without a message to the caller that has gone', async () => {
    const { fake, putInAgain, arrival, context } = await arrived();
    assert.equal(arrival.known[fake.name]?.pid, 100);
    for (const admin of [0x01, 0x08]) {
      fake.server('app/web1').admin = admin;
      assert.deepEqual(await putInAgain(), [dev1]);
      assert.equal(fake.server('app/web1').admin, 0);
    }
    assert.deepEqual(context.said, []);
  });

  test('does nothing if the host is in', async () => {
    const { fake, putInAgain } = await arrived();
    assert.deepEqual([await putInAgain(), fake.changes()], [[], []]);
  });

  test('keeps the host out if a person disabled it on purpose: by a hold, or in the configuration file', async () => {
    const { fake, putInAgain, out } = await arrived();
    fake.server('app/web1').admin = 0x05;
    assert.deepEqual(await putInAgain(), []);
    assert.equal(fake.server('app/web1').admin, 0x05);
    fake.server('app/web1').admin = 0;
    await out();
    assert.deepEqual([await putInAgain(), fake.server('app/web1').admin], [[], 1]);
  });

  test('enables the host again after a call for only the run’s own hosts', async () => {
    const given = await estate();
    await given.out(dev1, { run: 'run1' });
    await given.put({ own: true }, given.call('run1'));
    given.fake.server('app/web1').admin = 1;
    assert.deepEqual(await given.balancer.arrived[0]?.putInAgain(new AbortController().signal), [dev1]);
  });
});

test('makes only the replaced one of two processes start again', async () => {
  const [a, b] = [two('/run/a'), two('/run/b')];
  const balancer = await fakeBalancer([a, b], { min_available: 0 });
  await disable(balancer, { server: dev1 }, actionContext());
  for (const fake of [a, b]) fake.asked.length = 0;
  a.onCommand = (command) => {
    if (command !== 'set server app/web1 state ready') return;
    a.info.started += 1;
    a.onCommand = () => {};
  };
  await enableOverReloads(balancer, { server: dev1 }, actionContext());
  const drains = (fake: FakeHaproxy) => fake.changes().filter((one) => one.endsWith('state drain')).length;
  assert.deepEqual([drains(a) > 0, drains(b)], [true, 2]);
  assert.deepEqual([a.server('app/web1').admin, b.server('app/web1').admin], [0, 0]);
});

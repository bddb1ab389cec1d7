import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startService } from '../../../../src/agents/service/agent.ts';
import { doctorService } from '../../../../src/agents/service/doctor.ts';
import { openSystemd } from '../../../../src/agents/service/unit.ts';
import type { ServiceConfig } from '../../../../src/agents/service/config.ts';
import type { CommandResult } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';

interface Look {
  readonly state?: string;
  readonly enabled?: string;
  readonly invocation?: string;
  readonly result?: string;
  readonly type?: string;
  readonly condition?: 'yes' | 'no';
  /** When the conditions were last checked, in microseconds since the machine started. */
  readonly conditionAt?: number;
}

interface Setup {
  /** What systemd shows, look by look; the last one stays. */
  readonly looks: readonly Look[];
  readonly config?: Partial<ServiceConfig>;
  readonly change?: Partial<CommandResult>;
}

/** The agent with a fake systemd; test/process/service does the same with the real one. */
async function startAgent({ looks, config = {}, change = {} }: Setup) {
  const ran: string[] = [];
  let looked = 0;
  const run = async (argv: readonly string[]): Promise<CommandResult> => {
    const line = argv.join(' ');
    ran.push(line);
    const none = { code: 0, signal: null, stdout: '', stderr: '', truncated: false };
    if (line.startsWith('journalctl')) return { ...none, stdout: 'no such database\n' };
    if (!line.startsWith('systemctl show')) return { ...none, ...change };
    const {
      state = 'active',
      enabled = '',
      invocation = 'a',
      result = 'success',
      type = 'simple',
      condition = 'yes',
      conditionAt = 7,
    } = looks[Math.min(looked++, looks.length - 1)] ?? {};
    return {
      ...none,
      stdout: `LoadState=loaded\nActiveState=${state}\nSubState=x\nUnitFileState=${enabled}\nMainPID=1\nInvocationID=${invocation}\nResult=${result}\nType=${type}\nConditionResult=${condition}\nConditionTimestampMonotonic=${conditionAt}\n`,
    };
  };
  const units = {
    'web.service': ['start', 'stop', 'restart', 'reload', 'enable', 'disable'],
    'some.service': ['start'],
    'looks.service': [],
  };
  const whole = { units, sudo: false, wait: 60, settle: 0, journal_lines: 5, ...config } as unknown as ServiceConfig;
  const { handlers } = await startService(agentSetup(whole, { run }));
  const call = (action: string, service: string, context: object = {}) => {
    const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Record<string, unknown>>;
    return handler({ service }, actionContext(context));
  };
  return {
    call,
    ran,
    changes: () => ran.filter((argv) => !/systemctl show|journalctl/.test(argv)),
    looks: () => looked,
  };
}

const down = { state: 'inactive' };
const up = { state: 'active' };

describe('the list of units of a node', () => {
  test('decides about each unit and each action, before anything runs', async () => {
    const { call, ran } = await startAgent({ looks: [up] });
    for (const action of ['start', 'stop', 'restart', 'reload', 'enable', 'disable']) {
      await assert.rejects(call(action, 'ssh'), { code: 'not-allowed' }, action);
      await assert.rejects(call(action, 'looks'), { code: 'not-allowed', hint: 'only its status may be read' }, action);
      await assert.rejects(call(action, 'constructor'), { code: 'not-allowed' }, action);
      if (action === 'start') continue;
      await assert.rejects(call(action, 'some'), { code: 'not-allowed', hint: 'it allows start' }, action);
    }
    await assert.rejects(call('status', 'ssh'), { code: 'not-allowed' });
    assert.deepEqual(ran, []);
    assert.equal((await call('status', 'looks')).service, 'looks.service');
  });
});

describe('a change of a unit', () => {
  for (const [action, before, after] of [
    ['start', down, up],
    ['stop', up, down],
    ['enable', { enabled: 'disabled' }, { enabled: 'enabled' }],
    ['disable', { enabled: 'enabled' }, { enabled: 'disabled' }],
  ] as const) {
    test(`is made by one command, and only if it is not there yet: ${action}`, async () => {
      const made = await startAgent({ looks: [before, after] });
      assert.equal((await made.call(action, 'web')).changed, true);
      assert.deepEqual(made.changes(), [`systemctl --no-ask-password ${action} -- web.service`]);
      const there = await startAgent({ looks: [after] });
      assert.equal((await there.call(action, 'web')).changed, false);
      const dry = await startAgent({ looks: [before] });
      assert.equal((await dry.call(action, 'web', { dryRun: true })).changed, true);
      assert.deepEqual([there.changes(), dry.changes()], [[], []]);
    });
  }

  test('is always made for a restart and a reload; what does not run is not reloaded', async () => {
    for (const action of ['restart', 'reload']) {
      const { call, changes } = await startAgent({ looks: [up] });
      assert.equal((await call(action, 'web')).changed, true);
      assert.equal(changes().length, 1, action);
    }
    const { call, changes } = await startAgent({ looks: [down] });
    await assert.rejects(call('reload', 'web'), { code: 'service-failed', hint: 'start it first' });
    assert.deepEqual(changes(), []);
  });

  test('is made when a program of the type oneshot has done its work', async () => {
    for (const action of ['start', 'restart']) {
      const done = { state: 'inactive', type: 'oneshot' };
      const neverRan = { ...done, condition: 'no', conditionAt: 0 } as const;
      const { call } = await startAgent({ looks: [neverRan, done] });
      const { changed, state } = await call(action, 'web');
      assert.deepEqual([changed, state], [true, 'inactive'], action);
      const failed = await startAgent({ looks: [done, { ...done, state: 'failed', result: 'exit-code' }] });
      await assert.rejects(failed.call(action, 'web'), { code: 'service-failed' }, action);
    }
  });

  test('fails at once if a condition of the unit keeps it from starting', async () => {
    for (const type of ['simple', 'oneshot']) {
      const { call, looks } = await startAgent({ looks: [down, { state: 'inactive', type, condition: 'no' }] });
      const hint = 'see “systemctl status web.service”';
      await assert.rejects(call('start', 'web'), { code: 'service-failed', message: /a condition of its file/, hint });
      assert.equal(looks(), 2, type);
    }
    const { call, looks } = await startAgent({ looks: [down] });
    const message = /^web\.service is inactive \(x\) right after its start/;
    await assert.rejects(call('start', 'web'), { code: 'service-failed', message });
    assert.equal(looks(), 2);
  });

  test('is refused if the unit cannot be enabled, also in a dry run', async () => {
    for (const enabled of ['static', 'generated', 'transient', 'masked', 'masked-runtime']) {
      for (const dryRun of [false, true]) {
        const { call, changes } = await startAgent({ looks: [{ enabled }] });
        const refused = {
          code: 'service-failed',
          message: / is (static|generated|transient|masked): it can't be enabled$/,
        };
        await assert.rejects(call('enable', 'web', { dryRun }), refused, enabled);
        assert.deepEqual(changes(), []);
      }
    }
  });

  test('uses sudo only where the node allows it, and only for the change', async () => {
    const { call, ran } = await startAgent({ looks: [down, up], config: { sudo: true } });
    await call('start', 'web');
    assert.deepEqual(
      ran.filter((argv) => argv.startsWith('sudo')),
      ['sudo -n systemctl --no-ask-password start -- web.service'],
    );
  });

  test('has the end of the journal with its failure, and what to do about a missing right', async () => {
    const { call } = await startAgent({ looks: [down], change: { code: 1, stderr: 'Access denied\nmore' } });
    await assert.rejects(call('start', 'web'), {
      code: 'service-failed',
      message: 'systemctl start web.service failed: Access denied\nIts journal ends:\nno such database',
      hint: 'allow it in polkit or sudoers: docs/services.md',
    });
  });
});

describe('a unit that was started', () => {
  for (const [what, looks] of [
    ['fails', [down, { state: 'activating' }, { state: 'failed', result: 'exit-code' }]],
    ['is up for a moment', [down, up, { state: 'failed', result: 'exit-code' }]],
    ['is up for a moment, and then being started again', [down, up, { state: 'activating', result: 'exit-code' }]],
    ['was started again by systemd between two looks', [down, up, { ...up, invocation: 'b' }]],
  ] as const)
    test(`is not up if it ${what}`, async () => {
      const { call, looks: looked } = await startAgent({ looks, config: { settle: 60 } });
      await assert.rejects(call('start', 'web'), { code: 'service-failed', message: /did not stay up/ });
      assert.equal(looked(), looks.length);
    });

  test('is up once it was up for the time to settle', async () => {
    const { call, looks } = await startAgent({ looks: [down, { state: 'activating' }, up], config: { settle: 0.05 } });
    assert.equal((await call('start', 'web')).state, 'active');
    assert.ok(looks() >= 4, `${looks()} looks`);
  });

  test('is given up after the time to wait', async () => {
    const { call } = await startAgent({ looks: [down, { state: 'activating' }], config: { wait: 0.05 } });
    await assert.rejects(call('start', 'web'), {
      code: 'service-failed',
      message: /is still activating \(x\) after 0\.05 s/,
    });
  });

  test('is judged by a clock that nobody can set', async (context) => {
    // It jumps by an hour at each look, and then stands still.
    context.mock.timers.enable({ apis: ['Date'] });
    const jumping = await startAgent({
      looks: [down, { state: 'activating' }, up, up, { state: 'failed' }],
      config: { settle: 60 },
    });
    const progress = () => context.mock.timers.setTime(Date.now() + 3_600_000);
    await assert.rejects(jumping.call('start', 'web', { progress }), { message: /did not stay up/ });
    const still = await startAgent({ looks: [down, up], config: { settle: 0.01 } });
    assert.equal((await still.call('start', 'web')).state, 'active');
  });

  test('is left to systemd if the call is cancelled meanwhile', async () => {
    const cancelling = new AbortController();
    const { call } = await startAgent({ looks: [down, { state: 'activating' }] });
    const progress = (line: string) => {
      if (line.includes('activating')) cancelling.abort();
    };
    await assert.rejects(call('start', 'web', { signal: cancelling.signal, progress }), { code: 'cancelled' });
  });
});

describe('what systemd reports', () => {
  const config = (more: object = {}) =>
    ({ units: {}, sudo: false, wait: 60, settle: 0, journal_lines: 5, ...more }) as unknown as ServiceConfig;
  const { signal } = new AbortController();
  /** A fake that gives the same result to each command. */
  const ran: [string, number][] = [];
  const running = (result: Partial<CommandResult>) => async (argv: readonly string[], options: { timeout: number }) => {
    ran.push([argv.join(' '), options.timeout]);
    return { code: 0, signal: null, stdout: '', stderr: '', truncated: false, ...result };
  };
  const shown = (more: object = {}) =>
    Object.entries({ LoadState: 'loaded', ActiveState: 'active', SubState: 'a=b', UnitFileState: 'enabled', ...more })
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');

  test('is the state of a unit, its process and since when', async () => {
    const stdout = shown({ MainPID: 42, StateChangeTimestamp: 'Sat 2026-11-28 20:11:05 UTC', Result: 'success' });
    const one = {
      unit: 'web.timer',
      state: 'active',
      detail: 'a=b',
      enabled: 'enabled',
      invocation: '',
      result: 'success',
      type: '',
      conditionsHold: true,
    };
    const { show } = openSystemd(config(), running({ stdout }));
    assert.deepEqual(await show('web.timer', signal), { ...one, pid: 42, since: '2026-11-28T20:11:05Z' });
    const { show: never } = openSystemd(
      config(),
      running({ stdout: shown({ StateChangeTimestamp: '', Result: 'success' }) }),
    );
    assert.deepEqual(await never('web.timer', signal), { ...one, pid: 0, since: '' });
  });

  test('is that it does not know the unit, or cannot be asked', async () => {
    const show = (result: Partial<CommandResult>) => openSystemd(config(), running(result)).show('web.service', signal);
    await assert.rejects(show({ stdout: shown({ LoadState: 'not-found' }) }), {
      code: 'unknown-unit',
      message: /web\.service/,
    });
    const dead = { code: 'systemd-unreachable', message: "systemd can't be queried: System has not been booted" };
    await assert.rejects(show({ code: 1, stdout: shown(), stderr: 'System has not been booted\nmore\n' }), dead);
    await assert.rejects(show({ code: null, ended: 'not-found' }), { message: "systemd can't be queried: not-found" });
  });

  test('of a change is waited for as long as the unit may take, and its failure has the first line or the exit code', async () => {
    ran.length = 0;
    const change = (result: Partial<CommandResult>) =>
      openSystemd(config(), running(result)).change('start', 'web.service', signal);
    await change({});
    assert.deepEqual(ran, [['systemctl --no-ask-password start -- web.service', 75_000]]);
    const failed = (message: string, hint = '') => ({
      code: 'service-failed',
      message: `systemctl start web.service failed: ${message}`,
      hint,
    });
    await assert.rejects(change({ code: 1, stderr: 'Job failed.\nSee' }), failed('Job failed.'));
    await assert.rejects(change({ code: 4 }), failed('exit code 4'));
    await assert.rejects(change({ code: null, ended: 'timeout' }), failed('timeout'));
    const right = 'allow it in polkit or sudoers: docs/services.md';
    await assert.rejects(
      change({ code: 1, stderr: 'sudo: a password is required' }),
      failed('sudo: a password is required', right),
    );
  });

  test('of a journal is as many lines as node.yaml says, and none where it cannot be read', async () => {
    ran.length = 0;
    const journal = (result: Partial<CommandResult>, lines = 5) =>
      openSystemd(config({ journal_lines: lines }), running(result)).journal('web.service', signal);
    assert.equal(await journal({ stdout: 'a\nb\n' }), 'a\nb');
    assert.match(ran[0]?.[0] ?? '', /^journalctl --unit web\.service --lines 5 /);
    assert.deepEqual(
      [await journal({ code: 1, stdout: 'a' }), await journal({ stdout: 'a' }, 0), ran.length],
      ['', '', 2],
    );
  });

  test('is checked by doctor for each unit that node.yaml lists', async () => {
    const check = async (units: object, result: Partial<CommandResult>) => {
      const found = await doctorService({ config: config({ units }), run: running(result), signal });
      return found.map(({ status, what }) => `${status}: ${what}`);
    };
    assert.deepEqual(await check({}, {}), ['warning: no unit may be worked on']);
    const units = { 'a.service': [], 'b.timer': ['start'] };
    assert.deepEqual(await check(units, { stdout: shown() }), [
      'ok: a.service is active, enabled',
      'ok: b.timer is active, enabled',
    ]);
    assert.deepEqual(await check({ 'a.service': [] }, { stdout: shown({ UnitFileState: '' }) }), [
      'ok: a.service is active',
    ]);
    assert.match(
      (await check({ 'a.service': [] }, { stdout: shown({ LoadState: 'not-found' }) }))[0] ?? '',
      /^broken: .*a\.service/,
    );
  });
});

test('a name with the ending of a unit is taken as it is, and one that is not listed is refused with a near one', async () => {
  const { handlers } = await startService(
    agentSetup({ units: {}, sudo: false, wait: 60, settle: 0, journal_lines: 5 } as unknown as ServiceConfig),
  );
  const status = handlers.status as unknown as (input: object, context: object) => Promise<unknown>;
  const none = { code: 'not-allowed', hint: 'agents.service.units in its node.yaml lists none' };
  await assert.rejects(status({ service: 'web.timer' }, actionContext()), { ...none, message: /^web\.timer is not/ });
  await assert.rejects(status({ service: 'web.conf' }, actionContext()), {
    ...none,
    message: /^web\.conf\.service is not/,
  });
  const { call } = await startAgent({ looks: [up] });
  await assert.rejects(call('status', 'wev'), { code: 'not-allowed', hint: 'did you mean “web.service”?' });
});

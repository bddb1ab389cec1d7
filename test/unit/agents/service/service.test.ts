import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startService } from '../../../../src/agents/service/agent.ts';
import type { ServiceConfig } from '../../../../src/agents/service/config.ts';
import type { CommandResult } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';

interface Look {
  readonly state?: string;
  readonly enabled?: string;
  readonly invocation?: string;
  readonly result?: string;
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
    } = looks[Math.min(looked++, looks.length - 1)] ?? {};
    return {
      ...none,
      stdout: `LoadState=loaded\nActiveState=${state}\nSubState=x\nUnitFileState=${enabled}\nMainPID=1\nInvocationID=${invocation}\nResult=${result}\n`,
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

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { activateRelease } from '../../../../../src/agents/appmgr/activate/activate.ts';
import type { Application } from '../../../../../src/agents/appmgr/application.ts';
import type { Releases } from '../../../../../src/agents/appmgr/release/releases.ts';
import type { Problem } from '../../../../../src/core/errors.ts';
import type { CommandResult, Log, RunCommand } from '../../../../../src/core/ports.ts';
import { actionContext, silentLog } from '../../../../support/agents/agent-setup.ts';
import { appmgrConfig } from '../../../../support/agents/appmgr/application.ts';

const hooks = { before: ['before'], after_switch: ['switched'], after: ['after'], on_failure: ['gave-up'] };
const fine: CommandResult = {
  code: 0,
  signal: null,
  stdout: '',
  stderr: '',
  ended: 'exited',
  truncated: false,
} as never;

interface Given {
  /** Beside a reload, hooks and a health check. */
  readonly config?: object;
  readonly current?: string;
  readonly confirmed?: string;
  /** The event that fails, by its line in the order of events; or another act at that point. */
  readonly at?: Readonly<Record<string, (cancel: () => void) => unknown>>;
  readonly sick?: readonly string[];
  readonly placed?: boolean;
  readonly checked?: boolean;
}

/** Activates revision 20 on a site that only notes what happens, in order. */
async function activate({
  config = {},
  current = '10',
  confirmed = '10',
  at = {},
  sick = [],
  placed = true,
  checked = true,
}: Given) {
  const order: string[] = [];
  const cancel = new AbortController();
  const happen = (what: string) => {
    order.push(what);
    const act = at[what];
    return act?.(() => cancel.abort());
  };
  const run: RunCommand = async (argv, { signal, env = {} }) => {
    const asked = happen(`${argv[0]} ${env.MCO_REVISION}${signal?.aborted === true ? ' (cancelled)' : ''}`);
    reasons.push(env.MCO_REASON);
    previous.push(env.MCO_PREVIOUS);
    return asked === 'fails' ? { ...fine, code: 3, stderr: `${argv[0]} is broken` } : fine;
  };
  const [reasons, previous]: [unknown[], unknown[]] = [[], []];
  const { applications } = appmgrConfig({
    applications: { app: { root: '/srv/app', artifacts: '/srv/artifacts', reload: ['reload'], hooks, ...config } },
  });
  const releases = {
    root: '/srv/app',
    directory: (revision: string) => `/srv/app/releases/${revision}`,
    writeState: async ({ confirmed: good, pending }: { confirmed: string; pending: string }) =>
      void happen(`write ${good}${pending === '' ? '' : `, pending ${pending}`}`),
    switchTo: async (revision: string, from: string, { signal }: { signal: AbortSignal }) =>
      void happen(`switch ${from} to ${revision}${signal.aborted ? ' (cancelled)' : ''}`),
    isPlaced: async () => placed,
  } as unknown as Releases;
  const application: Application = {
    config: { name: 'app', ...applications.app } as Application['config'],
    releases,
    health: !checked
      ? undefined
      : {
          what: 'http://127.0.0.1/health',
          timeout: 5,
          ask: async () => ({ healthy: true, words: '' }),
          wait: async (revision, signal) => {
            happen(`check ${revision}${signal.aborted ? ' (cancelled)' : ''}`);
            return { healthy: !sick.includes(revision), words: 'status 500' };
          },
        },
    run,
  };
  const state = { confirmed, before: '9', pending: '' };
  const logged: [string, unknown][] = [];
  const log: Log = {
    ...silentLog,
    info: (fields, message) => logged.push([message, fields]),
    error: (fields, message) => logged.push([message, fields]),
  };
  const work = actionContext({ signal: cancel.signal, log });
  const problem = await activateRelease({
    ...{ application, revision: '20', current, state, confirmed: { ...state, confirmed: '20', before: confirmed } },
    work,
  }).catch((failure: unknown) => failure as Problem);
  return { order, problem, said: work.said, logged, reasons, previous };
}
const fails = () => 'fails';
const breaks = (words: string) => () => {
  throw new Error(words);
};

describe('a release that is activated', () => {
  test('is pending on disk before the switch and confirmed at the end, with hooks, reload and check in between', async () => {
    const { order, problem, said, logged, reasons, previous } = await activate({});
    assert.equal(problem, undefined);
    assert.deepEqual(order, [
      ...['before 20', 'write 10, pending 20', 'switch 10 to 20', 'switched 20', 'reload 20', 'check 20', 'after 20'],
      'write 20',
    ]);
    assert.deepEqual(said, [
      'running the hook “before”',
      'running the hook “after_switch”',
      'reloading the service for revision 20',
      'waiting for revision 20 to be healthy',
      'running the hook “after”',
    ]);
    assert.deepEqual([reasons, previous], [Array(4).fill(undefined), Array(4).fill('10')]);
    assert.deepEqual(logged, [['release in service', { application: 'app', revision: '20', previous: '10' }]]);
  });

  test('needs no hooks, reload or check if none is configured', async () => {
    const { order } = await activate({ config: { reload: undefined, hooks: undefined } });
    assert.deepEqual(order, ['write 10, pending 20', 'switch 10 to 20', 'check 20', 'write 20']);
  });

  test('does not begin if the hook “before” fails: nothing is written, switched or restored', async () => {
    const { order, problem } = await activate({ at: { 'before 20': fails } });
    assert.deepEqual(order, ['before 20']);
    assert.ok(problem);
    assert.deepEqual(
      [problem.code, problem.message],
      ['hook-failed', 'the hook “before” (before) failed with exit code 3: “before is broken”'],
    );
  });

  test('is in service, and reported as such, if that cannot be recorded', async () => {
    for (const [errno, code] of [
      ['ENOSPC', 'no-space'],
      ['EROFS', 'disk-error'],
    ] as const) {
      const full = () => {
        throw Object.assign(new Error(), { code: errno });
      };
      const { order, problem } = await activate({ at: { 'write 20': full } });
      assert.equal(order.at(-1), 'write 20', 'nothing is put back');
      assert.equal(problem?.code, code);
      assert.match(problem.message, /^revision 20 of “app” is in service and healthy, but that cannot be recorded: /);
    }
  });

  test('is not switched to if the pending state cannot be written', async () => {
    const { order, problem } = await activate({ at: { 'write 10, pending 20': breaks('disk full') } });
    assert.deepEqual([order.at(-1), problem?.message], ['write 10, pending 20', 'disk full']);
  });
});

describe('a call that is cancelled', () => {
  const cancels = (cancel: () => void) => cancel();

  test('changes nothing if it is cancelled before the switch', async () => {
    const { order, problem } = await activate({ at: { 'before 20': cancels } });
    assert.deepEqual([order, problem?.code, problem?.message], [['before 20'], 'cancelled', 'the call was cancelled']);
  });

  test('skips the further steps of the new release, and runs all steps of the return', async () => {
    for (const step of ['switched 20', 'check 20', 'after 20']) {
      const { order, problem } = await activate({ at: { [step]: cancels } });
      assert.deepEqual(order.slice(order.indexOf(step) + 1), back, step);
      assert.equal(problem?.code, 'cancelled', step);
      assert.match(problem.message, /did not come up: the call was cancelled; went back to 10$/, step);
    }
  });
});

const back = ['switch 20 to 10', 'write 10', 'reload 10', 'check 10', 'gave-up 20'];

describe('a release that does not start', () => {
  for (const [step, reason] of [
    ['switch 10 to 20', 'the link is read-only'],
    ['switched 20', 'the hook “after_switch” (switched) failed with exit code 3: “switched is broken”'],
    ['reload 20', 'the reload (reload) failed with exit code 3: “reload is broken”'],
    ['after 20', 'the hook “after” (after) failed with exit code 3: “after is broken”'],
  ] as const) {
    test(`is replaced by the previous one after a failure at “${step}”, with its reload and check`, async () => {
      const { order, problem, reasons } = await activate({
        at: { [step]: step.startsWith('switch ') ? breaks(reason) : fails },
      });
      assert.deepEqual(order.slice(order.indexOf(step) + 1), back);
      assert.ok(problem);
      assert.deepEqual(
        [problem.code, problem.message, problem.hint],
        [
          'unhealthy-release',
          `revision 20 of “app” did not come up: ${reason}; went back to 10`,
          'look at /srv/app/releases/20, or publish a corrected revision',
        ],
      );
      assert.equal(reasons.at(-1), reason, 'the hook learns why');
    });
  }

  test('is replaced if its health check fails, too', async () => {
    const { order, problem, said, logged } = await activate({ sick: ['20'] });
    assert.deepEqual(order.slice(-6), ['check 20', ...back]);
    assert.match(
      problem?.message ?? '',
      /did not come up: http:\/\/127\.0\.0\.1\/health gave status 500; went back to 10$/,
    );
    assert.ok(said.includes('going back to 10'));
    const reason = 'http://127.0.0.1/health gave status 500';
    const gaveUp = { application: 'app', revision: '20', reason, outcome: 'went back to 10' };
    assert.deepEqual(logged, [['release given up', gaveUp]]);
  });

  for (const [what, given, words] of [
    ['it served before', { current: '20', confirmed: '20' }, 'it stays, because it served before'],
    ['there was none before', { current: '', confirmed: '' }, 'it stays, because there was no release before'],
    ['it is to stay', { config: { on_failure: 'stay' } }, 'it stays, because the configuration says so'],
    ['the one before is gone', { placed: false }, 'it stays, as 10 is no longer here'],
  ] as const) {
    test(`stays if ${what}: nothing is switched or reloaded, and the hook runs`, async () => {
      const { order, problem } = await activate({ ...given, sick: ['20'] });
      assert.deepEqual(order.slice(order.indexOf('check 20')), ['check 20', 'gave-up 20']);
      assert.ok(problem?.message.endsWith(`; ${words}`), problem?.message);
    });
  }

  for (const step of ['switch 20 to 10', 'write 10'] as const) {
    test(`is reported without a reload if it cannot be left after a failure at “${step}”`, async () => {
      const { order, problem } = await activate({ sick: ['20'], at: { [step]: breaks('disk full') } });
      assert.deepEqual(order.slice(-2), [step, 'gave-up 20']);
      assert.match(problem?.message ?? '', /; it could not go back to 10: disk full$/);
    });
  }

  test('is reported with the failed reload or check of the previous one', async () => {
    const unloaded = await activate({ sick: ['20'], at: { 'reload 10': fails } });
    assert.match(
      unloaded.problem?.message ?? '',
      /; went back to 10, but the reload \(reload\) failed with exit code 3/,
    );
    assert.deepEqual(unloaded.order.slice(-2), ['reload 10', 'gave-up 20']);
    const both = await activate({ sick: ['20', '10'] });
    assert.match(both.problem?.message ?? '', /; went back to 10, which is not healthy either: status 500$/);
  });

  test('is left without a check of the previous one if no check is configured', async () => {
    const { order, problem } = await activate({ checked: false, at: { 'after 20': fails } });
    assert.deepEqual(order.slice(-4), ['switch 20 to 10', 'write 10', 'reload 10', 'gave-up 20']);
    assert.match(problem?.message ?? '', /; went back to 10$/);
  });

  test('gives each step of the return its configured time', async (context) => {
    const given: number[] = [];
    context.mock.method(AbortSignal, 'timeout', (milliseconds: number) => {
      given.push(milliseconds);
      return new AbortController().signal;
    });
    const times = { reload_timeout: 31, hook_timeout: 33 };
    await activate({ sick: ['20'], config: times });
    assert.deepEqual(given, [31_000, 31_000, 33_000], 'switch, reload, hook: the check limits itself');
    given.length = 0;
    await activate({ sick: ['20'], config: { ...times, deploy: { command: ['deploy'], timeout: 7 } } });
    assert.equal(given[0], 7000, 'the switch runs the command that deploys');
  });

  test('is reported even if the hook for failures fails', async () => {
    const { problem } = await activate({ sick: ['20'], at: { 'gave-up 20': fails } });
    assert.equal(problem?.code, 'unhealthy-release');
    assert.match(
      problem?.message ?? '',
      /; went back to 10; the hook “on_failure” \(gave-up\) failed with exit code 3/,
    );
  });

  test('is reported with the output of its service, read before the previous one replaces it', async () => {
    const { problem, order } = await activate({
      sick: ['20'],
      config: { reload: undefined, service: { pid_file: '/nonexistent/app.pid' }, hooks: undefined },
    });
    assert.match(
      problem?.message ?? '',
      /went back to 10, but \/nonexistent\/app\.pid cannot be read: no such file or directory: see whether the service runs\n\/nonexistent\/app\.pid names no process$/,
    );
    assert.ok(order.includes('switch 20 to 10'));
  });
});

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import type { ActionContext, Agent } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { Answer, Handle, IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { type DispatchOptions, dispatch } from '../../../../src/daemon/stages/dispatch.ts';
import { silentLog } from '../../../support/agents/agent-setup.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';
import { until } from '../../../support/until.ts';

interface Running {
  readonly context: ActionContext;
  readonly end: () => void;
}

/** The stage with an agent whose actions run until they are ended, or until their signal is aborted. */
function startDispatch(options: Partial<DispatchOptions> = {}) {
  const running: Running[] = [];
  const handler = (_input: never, context: ActionContext) =>
    new Promise((resolve, reject) => {
      running.push({ context, end: () => resolve({ count: 1 }) });
      context.signal.addEventListener('abort', () => reject(new Problem('cancelled', 'the probe was cancelled')));
    });
  const agent = { handlers: { count: handler, echo: handler, hang: handler } } as unknown as Agent;
  const stopping = new AbortController();
  const unreached: Handle = async () => assert.fail('dispatch is the last stage');
  const handle = dispatch({
    agents: new Map([['probe', agent]]),
    concurrency: 100,
    stopping: stopping.signal,
    now: () => 0,
    grace: 10_000,
    log: silentLog,
    ...options,
  })(unreached);
  return { handle, running, stopping };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const said = ({ content: { outcome, code } }: Answer) => [outcome, code];

describe('an action whose caller is gone', () => {
  test('continues if it changes something, and its outcome is kept', async () => {
    const { handle, running } = startDispatch();
    const gone = new AbortController();
    const answered = handle(incomingCall({ action: 'count', gone: gone.signal }));
    await turn();
    gone.abort();
    await turn();
    assert.equal(running[0]?.context.signal.aborted, false);
    running[0]?.end();
    assert.deepEqual(said(await answered), ['ok', '']);
  });

  test('ends if it only reads', async () => {
    const { handle, running } = startDispatch();
    const gone = new AbortController();
    const answered = handle(incomingCall({ action: 'echo', gone: gone.signal }));
    await turn();
    gone.abort();
    assert.equal(running[0]?.context.signal.aborted, true);
    assert.deepEqual(said(await answered), ['failed', 'cancelled']);
  });
});

describe('an action that is running when the daemon stops', () => {
  for (const action of ['count', 'echo']) {
    test(`is cancelled: probe.${action}`, async () => {
      const { handle, running, stopping } = startDispatch();
      const answered = handle(incomingCall({ action }));
      await turn();
      assert.equal(running[0]?.context.signal.aborted, false);
      stopping.abort();
      assert.deepEqual(said(await answered), ['cancelled', 'stopping']);
    });
  }
});

describe('a job that is cancelled', () => {
  const cancelledBy = async (reason: unknown, { action = 'count', code = 'cancelled' } = {}) => {
    const { handle, running } = startDispatch();
    const cancelling = new AbortController();
    const answered = handle({ ...incomingCall({ action }), cancelled: cancelling.signal });
    await turn();
    assert.equal(running[0]?.context.signal.aborted, false);
    cancelling.abort(reason);
    assert.equal(running[0]?.context.signal.aborted, true);
    const { content } = await answered;
    assert.deepEqual([content.outcome, content.code], ['cancelled', code]);
    return content.message;
  };

  test('ends, even if it changes something, and its outcome names who cancelled it', async () => {
    for (const action of ['count', 'echo']) {
      assert.equal(await cancelledBy('cert=eve', { action }), `probe.${action} was cancelled by cert=eve`);
    }
    assert.equal(await cancelledBy(undefined), 'probe.count was cancelled');
  });

  test('never starts if it is cancelled in the queue, and frees its slot', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const first = handle(incomingCall());
    await turn();
    const cancelling = new AbortController();
    const waits = handle({ ...incomingCall(), cancelled: cancelling.signal });
    const next = handle(incomingCall());
    await turn();
    cancelling.abort('cert=eve');
    assert.deepEqual(said(await waits), ['cancelled', 'cancelled']);
    assert.equal((await waits).content.message, 'probe.count was cancelled by cert=eve');
    assert.equal(running.length, 1);
    running[0]?.end();
    await turn();
    assert.equal(running.length, 2);
    running[1]?.end();
    assert.deepEqual([said(await first), said(await next)], Array(2).fill(['ok', '']));
  });

  test('never starts if it is cancelled before it arrived, waits for nothing, and uses no slot', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const never = () => handle({ ...incomingCall(), cancelled: AbortSignal.abort('cert=eve') });
    assert.deepEqual(said(await never()), ['cancelled', 'cancelled']);
    assert.equal(running.length, 0);
    const next = handle({ ...incomingCall(), cancelled: new AbortController().signal });
    await turn();
    assert.deepEqual(said(await never()), ['cancelled', 'cancelled'], 'while another one runs');
    running[0]?.end();
    assert.deepEqual(said(await next), ['ok', '']);
  });

  test('waits its turn like any other call if not cancelled', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const job = () => handle({ ...incomingCall(), cancelled: new AbortController().signal });
    const answers = [job(), job(), handle(incomingCall())];
    for (let ended = 0; ended < 3; ended++) {
      await turn();
      assert.equal(running.length, ended + 1);
      running[ended]?.end();
    }
    assert.deepEqual((await Promise.all(answers)).map(said), Array(3).fill(['ok', '']));
  });
});

describe('an action that ignores its signal', () => {
  test('gets a reply two seconds after its cancellation, but keeps its slot until it ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const ends: (() => void)[] = [];
    const deaf = () => new Promise((resolve) => ends.push(() => resolve({ count: 1 })));
    const agents = new Map([['probe', { handlers: { hang: deaf, count: deaf } } as unknown as Agent]]);
    const { handle } = startDispatch({ agents, concurrency: 1 });
    let answered = '';
    const first = handle(incomingCall({ action: 'hang' })).then((given) => {
      answered = `${given.content.code}: ${given.content.message}`;
    });
    await turn();
    t.mock.timers.tick(1000);
    await turn();
    t.mock.timers.tick(1999);
    await turn();
    assert.equal(answered, '');
    t.mock.timers.tick(1);
    await first;
    assert.equal(answered, 'timeout: probe.hang did not end within its time (at most 1 s)');
    const second = handle(incomingCall());
    await turn();
    assert.equal(ends.length, 1, 'the first has not ended');
    ends[0]?.();
    await turn();
    assert.equal(ends.length, 2);
    ends[1]?.();
    assert.deepEqual(said(await second), ['ok', '']);
  });
});

describe('an action that begins while the daemon stops', () => {
  test('has a moment to end by itself', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const deaf = () => new Promise(() => {});
    const agents = new Map([['probe', { handlers: { count: deaf } } as unknown as Agent]]);
    const { handle, stopping } = startDispatch({ agents });
    stopping.abort();
    const answered = handle(incomingCall());
    await turn();
    t.mock.timers.tick(2000);
    assert.deepEqual(said(await answered), ['cancelled', 'stopping']);
  });
});

describe('the context of an action', () => {
  test('has the caller, the run, the lease, and the callback for progress', async () => {
    const { handle, running } = startDispatch();
    const shown: string[] = [];
    const call = incomingCall({ requestId: 'a'.repeat(32), runId: 'r', lease: 'app/bravo', dryRun: true });
    const answered = handle({ ...call, onProgress: (message) => shown.push(message) });
    await turn();
    const { signal: _signal, log: _log, progress, ...context } = running[0]?.context ?? assert.fail();
    assert.deepEqual(context, {
      requestId: 'a'.repeat(32),
      runId: 'r',
      caller: 'cert=rip@devco.net',
      limited: false,
      lease: 'app/bravo',
      signed: call.opened.signed,
      dryRun: true,
    });
    progress('half of it');
    assert.deepEqual(shown, ['half of it']);
    running[0]?.end();
    await answered;
  });

  test('reports that its caller’s certificate is limited, if it is', async () => {
    const { handle, running } = startDispatch();
    const identity = { applications: [] };
    const answered = handle(incomingCall({ verification: { caller: { identity } as never } }));
    await turn();
    assert.equal(running[0]?.context.limited, true);
    running[0]?.end();
    await answered;
  });
});

describe('an action that fails', () => {
  const failing = (error: unknown) => {
    const logged: unknown[] = [];
    const agent = { handlers: { count: async () => Promise.reject(error) } } as unknown as Agent;
    const log = { ...silentLog, error: (_details: object, message: string) => logged.push(message) };
    const { handle } = startDispatch({ agents: new Map([['probe', agent]]), log: log as never });
    return { handle, logged };
  };

  test('returns its problem, or that of the file that it could not use; nothing is logged', async () => {
    for (const [error, code, words] of [
      [new Problem('timeout', 'it says so'), 'timeout', /^it says so$/],
      [
        Object.assign(new Error('ENOSPC: x'), { code: 'ENOSPC', path: '/x', syscall: 'write' }),
        'unwritable-file',
        /\/x/,
      ],
    ] as const) {
      const { handle, logged } = failing(error);
      const { content } = await handle(incomingCall());
      assert.deepEqual([content.outcome, content.code, logged], ['failed', code, []]);
      assert.match(content.message, words);
    }
  });

  test('returns a general error for a bug, and the log has the details', async () => {
    const { handle, logged } = failing(new TypeError('a bug'));
    const { content } = await handle(incomingCall());
    assert.deepEqual([content.outcome, content.code], ['failed', 'internal']);
    assert.equal(content.message, 'probe.count failed unexpectedly');
    assert.deepEqual(logged, ['probe.count failed unexpectedly']);
  });

  test('counts as a bug if the agent or the action is missing', async () => {
    const unknown = startDispatch({ agents: new Map() }).handle;
    await assert.rejects(unknown(incomingCall()), { code: 'internal', message: 'the agent lacks its action' });
    const known = startDispatch().handle;
    const early = { code: 'internal', message: 'dispatch runs after match' };
    await assert.rejects(known({ ...incomingCall(), action: undefined }), early);
    await assert.rejects(known({ ...incomingCall(), entry: undefined }), early);
    await assert.rejects(known(incomingCall({ action: 'fail' })), { message: 'the agent lacks its action' });
    const odd = { ...incomingCall({ action: 'toString' }), action: incomingCall().action };
    await assert.rejects(known(odd), { message: 'the agent lacks its action' });
  });
});

describe('the timeout of an action', () => {
  test('is the time that the caller gave, however the clocks differ, if that is shorter than its own', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const issuedAt = 1_000_000;
    for (const [ahead, given, left] of [
      [0, 500, 500],
      [0, 1, 1],
      [10_000, 500, 500],
      [-10_000, 500, 500],
      // The clocks differ by more than they may, or the request was long on its way.
      [10_001, 500, 499],
      [10_499, 500, 1],
    ] as const) {
      const { handle, running } = startDispatch({ now: () => issuedAt + ahead });
      const answered = handle(incomingCall({ action: 'hang', issuedAt, deadline: issuedAt + given }));
      await turn();
      t.mock.timers.tick(left - 1);
      assert.equal(running[0]?.context.signal.aborted, false, `${ahead} ${given}`);
      t.mock.timers.tick(1);
      assert.equal(running[0]?.context.signal.aborted, true, `${ahead} ${given}`);
      assert.deepEqual(said(await answered), ['failed', 'timeout']);
    }
  });

  test('is what a wait for its turn has left of it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const issuedAt = 1_000_000;
    const clock = { now: issuedAt };
    const { handle, running } = startDispatch({ concurrency: 1, now: () => clock.now });
    const first = handle(incomingCall({ issuedAt }));
    await turn();
    const waiting = handle(incomingCall({ action: 'hang', issuedAt, deadline: issuedAt + 500 }));
    await turn();
    clock.now += 400;
    running[0]?.end();
    await first;
    await turn();
    t.mock.timers.tick(99);
    assert.equal(running[1]?.context.signal.aborted, false);
    t.mock.timers.tick(1);
    assert.deepEqual(said(await waiting), ['failed', 'timeout']);
  });

  test('is not begun with nothing left: half a change would be the result', async () => {
    const issuedAt = 1_000_000;
    for (const changes of [{}, { detach: true }]) {
      const { handle, running } = startDispatch({ now: () => issuedAt + 10_500 });
      const { content } = await handle(incomingCall({ issuedAt, deadline: issuedAt + 500, ...changes }));
      assert.deepEqual(
        [content.code, content.message, content.hint],
        [
          'busy',
          'probe.count could not begin within its time: nothing was done',
          'call again later, and compare the clocks if it happens again',
        ],
      );
      assert.equal(running.length, 0);
    }
  });

  test('leaves no timer, and nothing that waits for the daemon to stop, once it is over', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { handle, running, stopping } = startDispatch();
    const answered = handle(incomingCall({ action: 'hang' }));
    await turn();
    assert.equal(getEventListeners(stopping.signal, 'abort').length, 1);
    running[0]?.end();
    await answered;
    t.mock.timers.tick(1000);
    assert.equal(running[0]?.context.signal.aborted, false);
    assert.equal(getEventListeners(stopping.signal, 'abort').length, 0);
  });

  test('is its own if the deadline of the request is later, or there is none', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const deadline of [0, 1_000_000]) {
      const { handle, running } = startDispatch();
      const answered = handle(incomingCall({ action: 'hang', issuedAt: 0, deadline }));
      await turn();
      t.mock.timers.tick(999);
      assert.equal(running[0]?.context.signal.aborted, false);
      t.mock.timers.tick(1);
      const { content } = await answered;
      assert.deepEqual([content.outcome, content.code], ['failed', 'timeout']);
      assert.match(
        content.message,
        /^probe\.hang did not end within its time \(at most 1 s\): the probe was cancelled$/,
      );
    }
  });
});

describe('calls of one agent', () => {
  test('wait in a queue of 64, each for its turn, and one more is refused', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const answers = Array.from({ length: 65 }, () => handle(incomingCall()));
    await turn();
    assert.equal(running.length, 1);
    const refused = await handle(incomingCall());
    assert.deepEqual(said(refused), ['refused', 'busy']);
    for (let ended = 0; ended < 65; ended++) {
      running[ended]?.end();
      await turn();
      assert.equal(running.length, Math.min(65, ended + 2));
    }
    for (const answered of await Promise.all(answers)) assert.deepEqual(said(answered), ['ok', '']);
    const next = handle(incomingCall());
    await turn();
    running[65]?.end();
    assert.deepEqual(said(await next), ['ok', ''], 'there is room again');
  });

  test('of several callers take turns, and a caller without one in a full queue gets a place', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const callers: string[] = [];
    const call = (caller: string) => handle(incomingCall({ caller }));
    const answers = Array.from({ length: 65 }, () => call('cert=eve'));
    await turn();
    answers.push(call('cert=rip'));
    await turn();
    assert.deepEqual(said(await call('cert=rip')), ['refused', 'busy']);
    for (let ended = 0; ended < 66; ended++) {
      callers.push(running[ended]?.context.caller ?? '');
      running[ended]?.end();
      await turn();
    }
    assert.deepEqual(callers.slice(0, 4), ['cert=eve', 'cert=eve', 'cert=rip', 'cert=eve']);
    for (const answered of await Promise.all(answers)) assert.deepEqual(said(answered), ['ok', '']);
  });

  test('are refused if their time was over while they waited, and free their slot; a job waits on', async () => {
    const [issuedAt, timeToLive] = [1_000_000, 60_000];
    for (const [at, changes, code] of [
      [issuedAt + 70_000, {}, ''],
      [issuedAt + 70_001, {}, 'busy'],
      [issuedAt + 70_001, { detach: true }, ''],
      [issuedAt + 4000, { deadline: issuedAt + 5000 }, ''],
      [issuedAt + 5000, { deadline: issuedAt + 5000 }, 'busy'],
      [issuedAt + 70_001, { deadline: issuedAt + 90_000 }, 'busy'],
    ] as const) {
      const clock = { now: issuedAt };
      const { handle, running } = startDispatch({ concurrency: 1, now: () => clock.now });
      const first = handle(incomingCall({ issuedAt }));
      await turn();
      const waiting = handle(incomingCall({ issuedAt, timeToLive, ...changes }));
      await turn();
      clock.now = at;
      running[0]?.end();
      await first;
      await turn();
      assert.equal(running.length, code === '' ? 2 : 1, `${at - issuedAt} ${JSON.stringify(changes)}`);
      running[1]?.end();
      assert.equal((await waiting).content.code, code);
      const next = handle(incomingCall({ issuedAt: at }));
      await turn();
      running.at(-1)?.end();
      assert.deepEqual(said(await next), ['ok', '']);
    }
  });

  test('are refused if their lease expired while they waited, and free their slot', async () => {
    const { handle, running } = startDispatch({ concurrency: 1 });
    const stale = new Problem('stale-lease', 'the lease has passed');
    const first = handle(incomingCall());
    await turn();
    const late = handle({ ...incomingCall(), recheck: () => stale });
    const good = handle({ ...incomingCall(), recheck: () => undefined });
    running[0]?.end();
    assert.deepEqual(said(await late), ['refused', 'stale-lease']);
    await turn();
    assert.equal(running.length, 2);
    running[1]?.end();
    assert.deepEqual(
      [said(await first), said(await good)],
      [
        ['ok', ''],
        ['ok', ''],
      ],
    );
  });

  test('are refused if their caller lost the right while they waited, and free their slot, also if that is not known', async () => {
    const clock = { now: 1_000_000 };
    const { handle, running } = startDispatch({ concurrency: 1, now: () => clock.now });
    const call = (reauthorize: IncomingCall['reauthorize']): IncomingCall => ({
      ...incomingCall({ issuedAt: clock.now }),
      ...(reauthorize === undefined ? {} : { reauthorize }),
    });
    const asked: string[] = [];
    const first = handle(call(async () => void asked.push('the one that did not wait')));
    const revoked = handle(call(async () => new Problem('revoked-certificate', 'the certificate was revoked')));
    const unknown = handle(call(() => Promise.reject(new Error('the facts cannot be read'))));
    const good = handle(call(async () => void asked.push('good')));
    await until('the first runs', () => running.length === 1);
    clock.now += 1000;
    running[0]?.end();
    assert.deepEqual(said(await first), ['ok', '']);
    assert.deepEqual(said(await revoked), ['refused', 'revoked-certificate']);
    await assert.rejects(unknown, /the facts cannot be read/);
    await until('the good one runs', () => running.length === 2);
    running[1]?.end();
    assert.deepEqual([said(await good), asked], [['ok', ''], ['good']]);
  });

  test('are asked again although the clock was set back, and not begun if they are cancelled meanwhile', async () => {
    const clock = { now: 1_000_000 };
    const { handle, running } = startDispatch({ concurrency: 1, now: () => clock.now });
    const cancelling = new AbortController();
    const first = handle(incomingCall({ issuedAt: clock.now }));
    const second = handle({
      ...incomingCall({ issuedAt: clock.now }),
      cancelled: cancelling.signal,
      reauthorize: async () => void cancelling.abort('cert=eve'),
    });
    await until('the first runs', () => running.length === 1);
    clock.now -= 1000;
    running[0]?.end();
    await first;
    assert.deepEqual(said(await second), ['cancelled', 'cancelled']);
    assert.equal(running.length, 1, 'the second was not begun');
    const third = handle(incomingCall({ issuedAt: clock.now }));
    await until('its slot is free', () => running.length === 2);
    running[1]?.end();
    await third;
  });

  test('free their slot if they fail', async () => {
    const fails = { handlers: { count: async () => Promise.reject(new TypeError('a bug')) } } as unknown as Agent;
    const { handle } = startDispatch({ concurrency: 1, agents: new Map([['probe', fails]]) });
    for (const _ of [1, 2]) assert.deepEqual(said(await handle(incomingCall())), ['failed', 'internal']);
  });
});

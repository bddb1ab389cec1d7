import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ActionContext, Agent } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { Answer, Handle } from '../../../../src/daemon/call.ts';
import { type DispatchOptions, dispatch } from '../../../../src/daemon/stages/dispatch.ts';
import { silentLog } from '../../../support/agents/agent-setup.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

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
    log: silentLog,
    ...options,
  })(unreached);
  return { handle, running, stopping };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const said = ({ content: { outcome, code } }: Answer) => [outcome, code];

describe('an action whose caller is gone', () => {
  test('continues when it changes something, and its outcome is kept', async () => {
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

  test('ends when it only reads', async () => {
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

describe('an action’s time', () => {
  test('ends at the deadline of the request, where that is earlier than its own', async () => {
    const { handle } = startDispatch({ now: () => 1000 });
    assert.deepEqual(said(await handle(incomingCall({ deadline: 1001 }))), ['failed', 'timeout']);
    assert.deepEqual(said(await handle(incomingCall({ deadline: 999 }))), ['failed', 'timeout'], 'it has passed');
  });

  test('is its own where the deadline of the request is later, or there is none', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const deadline of [0, 1_000_000]) {
      const { handle, running } = startDispatch();
      const answered = handle(incomingCall({ action: 'hang', deadline }));
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

  test('under a lease that has passed while they waited are refused, and leave their place to the next', async () => {
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

  test('give their place back when they fail', async () => {
    const fails = { handlers: { count: async () => Promise.reject(new TypeError('a bug')) } } as unknown as Agent;
    const { handle } = startDispatch({ concurrency: 1, agents: new Map([['probe', fails]]) });
    for (const _ of [1, 2]) assert.deepEqual(said(await handle(incomingCall())), ['failed', 'internal']);
  });
});

import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { readViews } from '../../../../../../src/agents/haproxy/servers/backend.ts';
import { linesOf } from '../../../../../../src/agents/haproxy/servers/line.ts';
import { endSessions, waitForSessions } from '../../../../../../src/agents/haproxy/servers/sessions.ts';
import { actionContext } from '../../../../../support/agents/agent-setup.ts';
import { fakeHaproxy } from '../../../../../support/agents/haproxy/fake-haproxy.ts';
import { someTurns } from '../../../../../support/mock-delays.ts';

/**
 * Waits for the sessions of one server, which has one session less at each look.
 * @param times of the clock: when the wait begins, and at each look
 */
async function wait(sessions: number, seconds: number, times: readonly number[]) {
  const fake = fakeHaproxy({ app: [{ name: 'web1', sessions }] });
  const lines = linesOf(await readViews([fake], new AbortController().signal));
  let looks = 0;
  fake.onCommand = (command) => {
    if (command.startsWith('show stat')) fake.server('app/web1').sessions = sessions - looks++;
  };
  const context = actionContext();
  let asked = 0;
  const clock = mock.method(performance, 'now', () => times[Math.min(asked++, times.length - 1)] ?? 0);
  try {
    await waitForSessions([{ shown: 'dev1', lines }], seconds, context);
  } finally {
    clock.mock.restore();
  }
  return { said: context.said, looks };
}

describe('a wait for sessions', () => {
  test('ends at its deadline, to the millisecond', async () => {
    const { said, looks } = await wait(9, 2, [5000, 6999, 7000]);
    assert.deepEqual([said.at(-1), looks], ['sessions left after 2 s: dev1: 8 sessions', 2]);
  });

  test('reports what is left once a second at most', async () => {
    const { said } = await wait(5, 60, [5000, 5000, 5999, 6000, 6001, 7000]);
    assert.deepEqual(
      said,
      [5, 3, 1].map((left) => `waiting for sessions to end: dev1: ${left} session${left === 1 ? '' : 's'}`),
    );
  });

  test('that were ended by force lasts two seconds at most', async (context) => {
    const fake = fakeHaproxy({ app: [{ name: 'web1', sessions: 3, stubborn: true }] });
    const lines = linesOf(await readViews([fake], new AbortController().signal));
    const call = actionContext();
    const times = [0, 1999, 2000];
    context.mock.method(performance, 'now', () => times.shift() ?? 2000);
    assert.equal(await endSessions([{ shown: 'dev1', lines }], call), 3);
    assert.deepEqual(call.said, [
      'ending what is left: dev1: 3 sessions',
      'waiting for sessions to end: dev1: 3 sessions',
      'sessions left after 2 s: dev1: 3 sessions',
    ]);
  });

  test('reports the same sessions once', async (context) => {
    const fake = fakeHaproxy({ app: [{ name: 'web1', sessions: 1 }] });
    const lines = linesOf(await readViews([fake], new AbortController().signal));
    const call = actionContext();
    const times = [0, 0, 1500, 3000];
    context.mock.method(performance, 'now', () => times.shift() ?? 3000);
    await waitForSessions([{ shown: 'dev1', lines }], 3, call);
    assert.deepEqual(call.said, [
      'waiting for sessions to end: dev1: 1 session',
      'sessions left after 3 s: dev1: 1 session',
    ]);
  });

  test('that are ended by force begins once HAProxy has ended them', async () => {
    const fake = fakeHaproxy({ app: [{ name: 'web1', sessions: 1 }] });
    const lines = linesOf(await readViews([fake], new AbortController().signal));
    const [begun, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    fake.onCommand = (command) => {
      if (!command.startsWith('shutdown')) return undefined;
      fake.asked.length = 0;
      begun.resolve();
      return answer.promise;
    };
    const ending = endSessions([{ shown: 'dev1', lines }], actionContext());
    await begun.promise;
    await someTurns();
    assert.deepEqual(fake.asked, []);
    answer.resolve();
    assert.equal(await ending, 1);
  });
});

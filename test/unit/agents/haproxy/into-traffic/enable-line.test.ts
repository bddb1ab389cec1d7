import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Changes, trackChanges } from '../../../../../src/agents/haproxy/actions/undo.ts';
import { defineLineEntry } from '../../../../../src/agents/haproxy/into-traffic/enable-line.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import type { AgentCheck, Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const { signal } = new AbortController();
const noAgent: AgentCheck = { configured: false, enabled: false, asking: false, status: '', words: '', health: 1 };
const agentOff: AgentCheck = { ...noAgent, configured: true };
const agentOn: AgentCheck = { ...agentOff, enabled: true, status: 'L7OK' };
const maint: Partial<Server> = { admin: 1, status: 'MAINT' };
/** A server in drain, with a check that is newer than the change. */
const fresh: Partial<Server> = { admin: 8, status: 'DRAIN', health: 2, top: 4 };
const passed: Partial<Server> = { ...fresh, health: 4 };

/** What takes a line out of maintenance for its checks. */
const checking = 'set server app/web1 state drain; set server app/web1 health down';

/** A line on its way in: `began` describes its start, `asked` lists the commands that HAProxy received. */
function entry(began: Partial<Server>, { agent = false, isRestart = false } = {}) {
  const asked: string[] = [];
  let begun = 0;
  const ask = async (command: string) => {
    // A step has ended once HAProxy has answered; a command that did not wait for the one before is answered first.
    for (let turns = Math.max(1, 5 - begun++); turns > 0; turns--) await setImmediate();
    asked.push(command);
    return '';
  };
  const runtime: Runtime = { name: '/run/a', ask };
  const at = (fields: Partial<Server>) => ({
    view: { ...backendView('app', []), runtime },
    server: server('web1', fields),
  });
  const changes: Changes = trackChanges();
  const own = defineLineEntry(at(began), agent, changes, signal, isRestart);
  /** Takes a step for each state, and returns the commands that HAProxy received meanwhile. */
  const told = async (act: () => Promise<void>) => {
    [asked.length, begun] = [0, 0];
    await act();
    return [...asked];
  };
  return {
    begin: () => told(() => own.begin()),
    check: (fields: Partial<Server>) => told(() => own.check(at(fields))),
    enter: (fields: Partial<Server>) => told(() => own.enter(at(fields))),
    own,
  };
}

describe('a line that is out', () => {
  test('goes from maintenance to drain for its check, and is enabled after a check that passed since', async () => {
    const { begin, check, enter, own } = entry(maint);
    assert.deepEqual(await begin(), [checking]);
    assert.deepEqual([await check(fresh), own.hasPassed()], [[], false]);
    assert.deepEqual([await check(fresh), own.hasPassed()], [[], false], 'up by itself, as it came out of maintenance');
    assert.deepEqual([await check(passed), own.hasPassed()], [[], true]);
    assert.deepEqual(await enter(passed), ['set server app/web1 state ready']);
    assert.equal(own.isIn(), false);
    assert.deepEqual([await enter({}), own.isIn()], [[], true]);
  });

  test('stays in maintenance until a check that was running has ended: it began before the call', async () => {
    const { begin, check, own } = entry({ ...maint, checking: true });
    assert.deepEqual(await begin(), []);
    assert.deepEqual([await check({ ...maint, checking: true }), own.hasPassed()], [[], false]);
    assert.deepEqual([await check({ ...maint, health: 4, top: 4 }), own.hasPassed()], [[checking], false]);
    await check(fresh);
    await check(passed);
    assert.equal(own.hasPassed(), true);
  });

  test('has its health set to 0 if it is in drain already: its checks are older than the call', async () => {
    for (const began of [fresh, passed]) {
      const { begin, check, own } = entry(began);
      assert.deepEqual([await begin(), own.hasPassed()], [[checking], false]);
      await check({ ...fresh, operational: 0, health: 0 });
      assert.deepEqual(await check({ ...fresh, operational: 0, health: 1 }), ['set server app/web1 health up']);
      await check(passed);
      assert.equal(own.hasPassed(), true);
    }
    const unchecked = entry({ ...fresh, checked: false });
    assert.deepEqual(await unchecked.begin(), []);
  });

  test('goes into maintenance from drain while a check is running, and counts a later one', async () => {
    const { begin, check, own } = entry({ ...passed, checking: true });
    assert.deepEqual(await begin(), ['set server app/web1 state maint']);
    assert.deepEqual(await check({ ...maint, health: 4, top: 4, checking: true }), []);
    assert.deepEqual([await check({ ...maint, health: 4, top: 4 }), own.hasPassed()], [[checking], false]);
  });

  test('is not read while its maintenance continues', async () => {
    const { check, own } = entry(maint);
    await check(maint);
    await check(passed);
    assert.equal(own.hasPassed(), false, 'this was the first reading in drain');
  });

  test('has passed only if it is up and at full health', async () => {
    for (const [fields, has] of [
      [passed, true],
      [{ ...passed, health: 5 }, true],
      [{ ...passed, health: 3 }, false],
      [{ ...passed, operational: 0 }, false],
      [{ ...passed, health: 0, checked: false }, true],
      [{ ...passed, operational: 0, checked: false }, false],
    ] as const) {
      const { check, own } = entry(maint);
      await check(fresh);
      await check(fields);
      assert.equal(own.hasPassed(), has, JSON.stringify(fields));
    }
  });

  test('is up again after its first check, and not before', async () => {
    const { check, own } = entry(maint);
    const atZero = { ...fresh, operational: 0, status: 'DOWN', health: 0 };
    assert.deepEqual([await check(atZero), await check(atZero)], [[], []]);
    assert.deepEqual(await check({ ...atZero, health: 1 }), ['set server app/web1 health up']);
    assert.equal(own.hasPassed(), false, 'HAProxy has not shown it as up');
    assert.deepEqual([await check(passed), own.hasPassed()], [[], true]);
  });

  test('waits in maintenance for the other lines of its host if it has no check', async () => {
    const { begin, check, enter, own } = entry({ ...maint, checked: false });
    assert.deepEqual([await begin(), own.hasPassed()], [[], true]);
    assert.deepEqual(await check({ ...maint, checked: false }), []);
    assert.equal(own.reason(), 'it waits for the other lines');
    assert.deepEqual(await enter({ ...maint, checked: false }), ['set server app/web1 state ready']);
    assert.equal(own.isIn(), false);
    assert.deepEqual([await enter({ checked: false }), own.isIn()], [[], true]);
  });

  test('waits in maintenance, too, if it follows another server, or its agent-check alone decides', async () => {
    const follower = entry({ ...maint, checked: false, tracked: 'app/web2' });
    assert.deepEqual([await follower.begin(), follower.own.hasPassed()], [[], true]);
    const agentAlone = { ...maint, checked: false, agent: agentOff };
    const { begin, enter, own } = entry(agentAlone, { agent: true });
    assert.deepEqual([await begin(), own.hasPassed()], [[], true]);
    assert.deepEqual(await enter(agentAlone), [
      'enable agent app/web1',
      'set server app/web1 agent down',
      'set server app/web1 state ready',
    ]);
  });

  test('is in only once HAProxy sends it requests', async () => {
    const { check, enter, own } = entry(maint);
    await check(fresh);
    await check(passed);
    await enter(passed);
    await enter({ operational: 0, status: 'DOWN' });
    assert.equal(own.isIn(), false);
    await enter({});
    assert.equal(own.isIn(), true);
  });
});

describe('a line that is not out', () => {
  test('is awaited, without a command', async () => {
    const { begin, enter, own } = entry({ operational: 0, status: 'DOWN' });
    assert.deepEqual([await begin(), own.hasPassed(), own.isIn()], [[], true, false]);
    assert.deepEqual([await enter({ operational: 0, status: 'DOWN' }), own.isIn()], [[], false]);
    assert.deepEqual([await enter({}), own.isIn()], [[], true]);
  });

  test('is checked once more in a process that a reload replaced, at any health', async () => {
    const { begin, check, own } = entry({}, { isRestart: true });
    assert.deepEqual(await begin(), []);
    assert.equal(own.hasPassed(), false);
    assert.deepEqual(await check({ health: 4, top: 4 }), [], 'its health is that of the new process');
    assert.equal(own.hasPassed(), false);
    await check({ health: 3, top: 4 });
    assert.equal(own.hasPassed(), false);
    await check({ health: 4, top: 4 });
    assert.equal(own.hasPassed(), true);
  });
});

describe('a line whose agent-check should be on', () => {
  test('has it off until a check has passed, then on with its result set to “down”, then ready', async () => {
    const { begin, check, enter } = entry({ ...maint, agent: agentOn }, { agent: true });
    assert.deepEqual(await begin(), ['disable agent app/web1', checking]);
    await check({ ...fresh, agent: agentOff });
    await check({ ...passed, agent: agentOff });
    assert.deepEqual(await enter({ ...passed, agent: agentOff }), [
      'enable agent app/web1',
      'set server app/web1 agent down',
      'set server app/web1 state ready',
    ]);
  });

  test('gets its agent-check switched on without a health check if the line is in rotation', async () => {
    const { begin, check, enter, own } = entry({ agent: agentOff }, { agent: true });
    assert.deepEqual([await begin(), own.hasPassed()], [[], false]);
    await check({ health: 0, top: 4, agent: agentOff });
    await check({ health: 0, top: 4, agent: agentOff });
    assert.equal(own.hasPassed(), true);
    assert.equal((await enter({ agent: agentOff }))[0], 'enable agent app/web1');
  });

  test('is left unchanged if it is in with the agent-check on, or has none', async () => {
    for (const [began, agent] of [
      [{ agent: agentOn }, true],
      [{ agent: agentOff }, false],
      [{ agent: noAgent }, true],
    ] as const) {
      const { begin, own } = entry(began, { agent });
      assert.deepEqual([await begin(), own.hasPassed()], [[], true], JSON.stringify([began, agent]));
    }
    const off = entry({ ...maint, agent: agentOff }, { agent: true });
    assert.deepEqual(await off.begin(), [checking], 'it is off already');
    const none = entry({ ...maint, agent: agentOff });
    await none.check(fresh);
    await none.check(passed);
    assert.deepEqual(await none.enter(passed), ['set server app/web1 state ready']);
  });
});

test('an agent-check that was on all the time is never overruled', async () => {
  const { enter } = entry({ agent: agentOn }, { agent: true });
  const silent = { ...agentOn, status: '', health: 0 };
  await enter({ operational: 0, status: 'DOWN (agent)', agent: silent });
  const failed = { operational: 0, status: 'DOWN (agent)', agent: { ...silent, status: 'L4CON' } };
  for (let read = 0; read < 10; read++) assert.deepEqual(await enter(failed), []);
});

describe('an agent-check that was switched on', () => {
  const silent: AgentCheck = { ...agentOn, status: '', health: 0, words: '' };
  const waiting = async () => {
    const one = entry({ ...maint, agent: agentOff }, { agent: true });
    await one.check({ ...fresh, agent: agentOff });
    await one.check({ ...passed, agent: agentOff });
    await one.enter({ ...passed, agent: agentOff });
    return one;
  };
  const down = (agent: AgentCheck, more: Partial<Server> = {}): Partial<Server> => ({
    ...{ operational: 0, status: 'DOWN (agent)', agent },
    ...more,
  });
  /** The number of readings until the agent-check is set to “up”; 0: never. */
  const readsUntilUp = async (reads: readonly Partial<Server>[]) => {
    const { enter } = await waiting();
    for (const [at, read] of reads.entries()) {
      const asked = await enter(read);
      if (asked.length > 0) {
        assert.deepEqual(asked, ['set server app/web1 agent up']);
        return at + 1;
      }
    }
    return 0;
  };

  test('needs nothing if it reports itself in rotation', async () => {
    const { enter, own } = await waiting();
    assert.deepEqual([await enter({ agent: agentOn }), own.isIn()], [[], true]);
    await enter(down(silent));
    const failed = down({ ...silent, status: 'L4CON' });
    for (let read = 0; read < 10; read++) assert.deepEqual(await enter(failed), [], 'nor later');
    assert.equal(own.isIn(), true);
  });

  test('is set to “up” if it cannot be reached and failed in four checks in a row', async () => {
    const failed = down({ ...silent, status: 'L4CON' });
    // The first look shows what it said before.
    assert.equal(await readsUntilUp([down(silent), ...Array(10).fill(failed)]), 5);
  });

  test('has reported after a query that was in progress', async () => {
    const asking = down({ ...silent, asking: true });
    assert.equal(await readsUntilUp([down(silent), asking, ...Array(10).fill(down(silent))]), 6);
  });

  test('has reported if its result differs from before', async () => {
    const words = down({ ...silent, words: 'via agent : what' });
    assert.equal(await readsUntilUp([down(silent), ...Array(10).fill(words)]), 5);
  });

  test('is not overruled while it has not reported yet', async () => {
    assert.equal(await readsUntilUp(Array(10).fill(down(silent))), 0);
  });

  test('is overruled if it was not asked within 2.5 s of the first reading, and 60 readings', async (context) => {
    let now = 100;
    context.mock.method(performance, 'now', () => now);
    for (const [wait, reads, commands] of [
      [2499, 100, []],
      [2500, 62, []],
      [2500, 63, ['set server app/web1 agent up']],
    ] as const) {
      const { enter } = await waiting();
      await enter(down(silent));
      now += wait;
      for (let read = 2; read < reads; read++)
        assert.deepEqual(await enter(down(silent)), [], `${wait} ms, read ${read}`);
      assert.deepEqual(await enter(down(silent)), commands, `${wait} ms, read ${reads}`);
    }
  });

  test('is not overruled before the first query has ended, however long it takes', async (context) => {
    let now = 100;
    context.mock.method(performance, 'now', () => now);
    const { enter } = await waiting();
    const asking = down({ ...silent, asking: true });
    await enter(asking);
    now += 60_000;
    for (let read = 0; read < 100; read++) assert.deepEqual(await enter(asking), []);
    await enter(down(silent));
    for (let read = 0; read < 2; read++) assert.deepEqual(await enter(down(silent)), []);
    assert.deepEqual(await enter(down(silent)), ['set server app/web1 agent up']);
  });

  test('is overruled after 2.5 s while HAProxy asks it again', async (context) => {
    let now = 100;
    context.mock.method(performance, 'now', () => now);
    const { enter } = await waiting();
    const again = down({ ...silent, status: 'L4TOUT', asking: true });
    await enter(down({ ...silent, asking: true }));
    now += 2499;
    for (let read = 0; read < 10; read++) assert.deepEqual(await enter(again), []);
    now++;
    for (let read = 0; read < 3; read++) assert.deepEqual(await enter(again), []);
    assert.deepEqual(await enter(again), ['set server app/web1 agent up']);
  });

  test('is not overruled if it reports “down”, “drain” or “maint”, or counts as up', async () => {
    const failed = { ...silent, status: 'L4CON' };
    for (const read of [
      down({ ...silent, status: 'L7STS' }),
      down(failed, { admin: 8 }),
      down(failed, { admin: 1 }),
      down({ ...failed, health: 1 }),
    ])
      assert.equal(await readsUntilUp([down(silent), ...Array(10).fill(read)]), 0, JSON.stringify(read));
  });

  test('is overruled only if it is silent in consecutive checks', async () => {
    const failed = down({ ...silent, status: 'L4CON' });
    const asking = down({ ...silent, status: 'L4CON', asking: true });
    const reads = [down(silent), failed, failed, failed, asking, ...Array(10).fill(failed)];
    assert.equal(await readsUntilUp(reads), 9);
  });
});

describe('the reason that a line is not in yet', () => {
  test('is the last known one, and before any check that none has ended', async () => {
    const one = entry(maint);
    assert.equal(one.own.reason(), 'no check has ended yet');
    await one.check({ ...fresh, operational: 0, check: 'L4CON' });
    assert.equal(one.own.reason(), 'L4CON');
    const entering = entry({ operational: 0, status: 'DOWN' });
    await entering.enter({ operational: 0, check: 'L4TOUT' });
    assert.equal(entering.own.reason(), 'L4TOUT');
  });
});

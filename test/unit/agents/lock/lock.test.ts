import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startLock } from '../../../../src/agents/lock/agent.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { actionContext, agentSetup, silentLog, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { until } from '../../../support/until.ts';

const config = { max_ttl: 60, max_leases: 3 };
const rip = actionContext({ runId: 'a'.repeat(32) });
const bob = actionContext({ runId: 'b'.repeat(32), caller: 'cert=bob@devco.net' });

/** A lock agent with a clock that only the test moves (milliseconds). */
async function startLocks(stateDirectory = temporaryDirectory(), max_leases = config.max_leases) {
  const clock = { now: 1000 };
  const agent = await startLock(agentSetup({ ...config, max_leases }, { stateDirectory }), () => clock.now);
  const call = (action: string, input: object, context: ActionContext) =>
    (agent.handlers[action] as (input: object, context: ActionContext) => Promise<Record<string, unknown>>)(
      input,
      context,
    );
  const take = async (context: ActionContext, name = 'app/bravo', ttl = 10) =>
    (await call('take', { name, ttl, from: 'ops1 42' }, context)).fence as number;
  const check = (fence: number, { caller, runId }: ActionContext = rip, lease = 'app/bravo') =>
    agent.leases?.check({ lease, fence, caller, runId })?.code;
  return { clock, call, take, check, stateDirectory };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const problem = await work.then(
    () => assert.fail('nothing was thrown'),
    (error: unknown) => error,
  );
  assert.ok(problem instanceof Problem, String(problem));
  return problem.code;
}

describe('a lease', () => {
  test('is held by one run at a time; the other receives the holder’s name and start', async () => {
    const { call, take, check } = await startLocks();
    const fence = await take(rip);
    assert.equal(check(fence), undefined);
    await assert.rejects(call('take', { name: 'app/bravo', ttl: 10 }, bob), (problem: Error & { code: string }) => {
      assert.equal(problem.code, 'lease-held');
      assert.match(problem.message, /held by cert=rip@devco\.net from ops1 42 for run a{32} since \d{4}-/);
      return true;
    });
    assert.equal(await take(bob, 'app/alfa'), fence + 1);
  });

  test('excludes for a list only those that share a name with it', async () => {
    const { call, take } = await startLocks();
    await take(rip, 'app,static');
    for (const name of ['app', 'static,ws', '*']) {
      assert.equal(await codeOf(call('take', { name, ttl: 10 }, bob)), 'lease-held', name);
    }
    await take(bob, 'ws,app2');
    assert.ok((await take(rip, 'app')) > 0, 'the run itself may');
  });

  test('expires by a clock that nobody can set, unless it is renewed', async () => {
    const { clock, call, take, check } = await startLocks();
    const fence = await take(rip);
    clock.now += 9_999;
    assert.equal(check(fence), undefined);
    await call('renew', { name: 'app/bravo', fence, ttl: 10 }, rip);
    clock.now += 9_999;
    assert.equal(check(fence), undefined);
    clock.now += 1;
    assert.equal(check(fence), 'stale-lease');
    assert.equal(await codeOf(call('renew', { name: 'app/bravo', fence, ttl: 10 }, rip)), 'stale-lease');
    const next = await take(bob);
    assert.ok(next > fence);
    assert.equal(check(fence), 'stale-lease');
  });

  test('is taken again by the same run, and the older number is refused from then on', async () => {
    const { clock, check, call } = await startLocks();
    const { fence: first, since } = await call('take', { name: 'app/bravo', ttl: 10 }, rip);
    assert.ok(typeof first === 'number');
    const before = Date.now();
    while (Date.now() === before) await new Promise((resolve) => setImmediate(resolve));
    const again = await call('take', { name: 'app/bravo', ttl: 10 }, rip);
    const second = again.fence as number;
    assert.equal(again.since, since, 'it is held since then');
    clock.now += 9_999;
    assert.equal(check(first), 'stale-lease');
    assert.equal(check(second), undefined);
    assert.deepEqual(await call('release', { name: 'app/bravo', fence: first }, rip), { released: false });
    assert.equal(check(second), undefined);
    clock.now += 1;
    assert.equal(check(second), 'stale-lease');
  });

  test('has one owner: neither another caller nor another run works, renews or releases under it', async () => {
    const { take, check, call } = await startLocks();
    const fence = await take(rip);
    assert.equal(check(fence, bob), 'stale-lease');
    assert.equal(check(fence, { ...rip, runId: 'c'.repeat(32) }), 'stale-lease');
    assert.equal(check(fence, { ...bob, runId: rip.runId }), 'stale-lease');
    await assert.rejects(call('renew', { name: 'app/bravo', fence, ttl: 10 }, bob), {
      code: 'stale-lease',
      message: 'the lease “app/bravo” is held by another run now',
    });
    assert.equal(await codeOf(call('release', { name: 'app/bravo', fence }, bob)), 'stale-lease');
  });

  test('outlives the daemon with its number; a number is never given twice', async () => {
    const before = await startLocks();
    const fence = await before.take(rip);
    const other = await before.take(rip, 'app/alfa');
    await before.call('release', { name: 'app/alfa', fence: other }, rip);
    const after = await startLocks(before.stateDirectory);
    assert.equal(after.check(fence), undefined);
    assert.equal(await codeOf(after.call('take', { name: 'app/bravo', ttl: 10 }, bob)), 'lease-held');
    assert.ok((await after.take(bob, 'app/alfa')) > other);
    after.clock.now += 10_000;
    assert.equal(after.check(fence), 'stale-lease');
  });

  test('is broken by any caller with the right, and its holder is refused', async () => {
    const { take, check, call } = await startLocks();
    const fence = await take(rip);
    const broken = await call('break', { name: 'app/bravo' }, bob);
    assert.equal(broken.broken, true);
    assert.equal(broken.caller, rip.caller);
    assert.equal(check(fence), 'stale-lease');
    assert.deepEqual(await call('break', { name: 'app/bravo' }, bob), { broken: false });
    await take(bob);
  });

  test('is not taken by a query for it', async () => {
    const { call, take } = await startLocks();
    const { since, ...asked1 } = await call('take', { name: 'app/bravo', ttl: 10 }, { ...rip, dryRun: true });
    assert.deepEqual([asked1, typeof since], [{ name: 'app/bravo', fence: 0 }, 'number']);
    assert.deepEqual(await call('list', {}, rip), { leases: [] });
    await take(bob);
    const ask = (name: string) => codeOf(call('take', { name, ttl: 10 }, { ...rip, dryRun: true }));
    // What would be refused is refused: the same, one that excludes it, and one more than there may be.
    assert.deepEqual([await ask('app/bravo'), await ask('*/bravo')], ['lease-held', 'lease-held']);
    for (const name of ['b', 'c']) await take(bob, name);
    assert.equal(await ask('d'), 'too-many-leases');
  });
});

describe('the lock agent', () => {
  test('lists the held leases, with their remaining time', async () => {
    const { clock, take, call } = await startLocks();
    await take(rip);
    for (const name of ['app/charlie', 'app/alfa']) await take(bob, name, 30);
    clock.now += 4_999;
    const { leases } = (await call('list', {}, rip)) as { leases: { name: string; left: number; run: string }[] };
    assert.deepEqual(
      leases.map(({ name, left }) => [name, left]),
      [
        ['app/alfa', 26],
        ['app/bravo', 6],
        ['app/charlie', 26],
      ],
    );
  });

  test('has limits: how long, how many, and none for a call outside of a run', async () => {
    const { take, call } = await startLocks();
    assert.equal(await codeOf(take(rip, 'x', 61)), 'bad-ttl');
    const fence = await take(rip, 'a', 60);
    assert.equal(await codeOf(call('renew', { name: 'a', fence, ttl: 61 }, rip)), 'bad-ttl');
    assert.deepEqual(await call('renew', { name: 'a', fence, ttl: 60 }, rip), { name: 'a' });
    for (const name of ['a', 'b', 'c']) await take(rip, name);
    assert.equal(await codeOf(take(rip, 'd')), 'too-many-leases');
    assert.ok(await take(rip, 'a'));
    assert.equal(await codeOf(call('take', { name: 'e', ttl: 5 }, actionContext())), 'no-run');
  });

  test('leaves a quarter of all to other callers, however many one takes', async () => {
    const { take } = await startLocks(temporaryDirectory(), 8);
    // Each for another run: it is the caller who has a share.
    const runOf = (name: string) => ({ ...rip, runId: name.repeat(32) });
    for (const name of ['1', '2', '3', '4', '5', '6']) await take(runOf(name), name);
    assert.equal(await codeOf(take(runOf('7'), '7')), 'too-many-leases');
    await take(bob, '7');
    assert.ok(await take(runOf('6'), '6'), 'one that it holds');
    await take(bob, '8');
    assert.equal(await codeOf(take(bob, '9')), 'too-many-leases');
  });

  test('gives the lease to one of two concurrent callers', async () => {
    const { take } = await startLocks();
    const taken = await Promise.allSettled([take(rip), take(bob)]);
    assert.deepEqual(taken.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  test('does not start on a damaged state: with the numbers lost, a stale holder could not be detected', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'leases.json'), '{"fence":"x","leases":[]}');
    assert.equal(await codeOf(startLocks(directory)), 'bad-state');
  });
});

describe('a lease that has expired', () => {
  /** Short, so that its timer fires soon; the lease ends when the test moves the clock. */
  const seconds = 0.02;
  const start = async (stateDirectory = temporaryDirectory(), log = silentLog) => {
    const clock = { now: 0 };
    const agent = await startLock(agentSetup(config, { stateDirectory, log }), () => clock.now);
    const call = (action: string, input: object, context: ActionContext) =>
      (agent.handlers[action] as (input: object, context: ActionContext) => Promise<{ fence: number }>)(input, context);
    const check = (fence: number, { caller, runId }: ActionContext, lease: string) =>
      agent.leases?.check({ lease, fence, caller, runId })?.code;
    const onDisk = (): string[] => {
      const { leases } = JSON.parse(readFileSync(join(stateDirectory, 'leases.json'), 'utf8'));
      return leases.map(({ name }: { name: string }) => name);
    };
    return { agent, clock, call, check, onDisk, stateDirectory };
  };

  test('does not return after a restart; one that was renewed, or taken for longer, does, for its whole time', async () => {
    const { agent, clock, call, onDisk, stateDirectory } = await start();
    const long = await call('take', { name: 'long', ttl: 60 }, rip);
    const renewed = await call('take', { name: 'renewed', ttl: seconds }, rip);
    await call('renew', { name: 'renewed', fence: renewed.fence, ttl: 60 }, rip);
    const gone = await call('take', { name: 'gone', ttl: seconds }, rip);
    clock.now = 20;
    await until('the expired lease is off the disk', () => !onDisk().includes('gone'));
    assert.deepEqual(onDisk(), ['long', 'renewed']);
    await agent.stop?.();
    const after = await start(stateDirectory);
    assert.equal(after.check(long.fence, rip, 'long'), undefined);
    assert.equal(after.check(renewed.fence, rip, 'renewed'), undefined);
    assert.equal(after.check(gone.fence, rip, 'gone'), 'stale-lease');
    const next = await after.call('take', { name: 'gone', ttl: 60 }, bob);
    assert.ok(next.fence > gone.fence, 'its number is not given again');
  });

  test('is removed from the disk even if it returned and its holder did not', async () => {
    const before = await start();
    await before.call('take', { name: 'back', ttl: seconds }, rip);
    await before.agent.stop?.();
    const { clock, onDisk } = await start(before.stateDirectory);
    assert.deepEqual(onDisk(), ['back']);
    clock.now = 20;
    await until('the expired lease is off the disk', () => onDisk().length === 0);
  });

  test('is reported if the disk cannot be written, and is free nevertheless', async () => {
    const { promise, resolve } = Promise.withResolvers<[object, string]>();
    const log = { ...silentLog, warn: (...reported: [object, string]) => resolve(reported) };
    const { clock, call, stateDirectory } = await start(temporaryDirectory(), log);
    await call('take', { name: 'app', ttl: seconds }, rip);
    rmSync(stateDirectory, { recursive: true });
    clock.now = 20;
    const [fields, message] = await promise;
    assert.match(JSON.stringify(fields), /leases\.json cannot be written/);
    assert.equal(message, 'an expired lease is still on the disk');
    mkdirSync(stateDirectory);
    assert.ok((await call('take', { name: 'app', ttl: 60 }, bob)).fence > 1);
  });
});

test('ends a lease in time, even if the disk cannot be written: the next run does not wait for it', async () => {
  const { call, take, check, stateDirectory } = await startLocks();
  const fence = await take(rip);
  rmSync(stateDirectory, { recursive: true });
  assert.equal(await codeOf(call('release', { name: 'app/bravo', fence }, rip)), 'unwritable-state');
  assert.equal(check(fence), 'stale-lease');
  assert.deepEqual(await call('release', { name: 'app/bravo', fence }, rip), { released: false });
  mkdirSync(stateDirectory);
  assert.ok((await take(bob)) > fence);
});

test('gives no lease that is not on the disk, and counts none: the run that had it keeps it', async () => {
  const { take, check, stateDirectory } = await startLocks();
  const fence = await take(rip);
  rmSync(stateDirectory, { recursive: true });
  assert.equal(await codeOf(take(rip)), 'unwritable-state');
  assert.equal(check(fence), undefined);
  assert.equal(await codeOf(take(bob, 'app/alfa')), 'unwritable-state');
  mkdirSync(stateDirectory);
  // Neither of the two numbers was given.
  assert.equal(await take(bob, 'app/alfa'), fence + 1);
});

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { assertFree, judgeClaim, type Lease } from '../../../../src/agents/lock/lease.ts';
import { openLeases } from '../../../../src/agents/lock/leases.ts';
import { readLocks, stateFile } from '../../../../src/agents/lock/state.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const run = 'a'.repeat(32);
const rip = { caller: 'cert=rip', runId: run };
const held: Lease = {
  name: 'app/bravo',
  fence: 7,
  ...rip,
  from: 'ops1 42',
  since: 0,
  ttl: 10_000,
  ends: 20_000,
};

describe('a requested lease', () => {
  const other = { caller: 'cert=bob', runId: 'b'.repeat(32) };

  test('is free if nobody holds it, and for its holder', () => {
    assertFree(undefined, other, 0);
    assertFree(held, rip, 0);
    assert.throws(() => assertFree(held, other, 19_999), { code: 'lease-held' });
  });

  test('is held for another run of the same caller, for the same run of another, and for a call without a run', () => {
    for (const asked of [
      { ...rip, runId: 'c'.repeat(32) },
      { ...rip, caller: 'cert=bob' },
      { ...rip, runId: '' },
    ]) {
      assert.throws(() => assertFree(held, asked, 0), { code: 'lease-held' });
    }
    assert.throws(() => assertFree({ ...held, runId: '' }, { ...rip, runId: '' }, 0), { code: 'lease-held' });
  });

  test('names its holder, and when it expires', () => {
    const words = (lease: Lease, clock: number) => {
      try {
        assertFree(lease, other, clock);
        return [];
      } catch (error) {
        const { message, hint } = error as { message: string; hint: string };
        return [message, hint];
      }
    };
    const [message, hint] = words(held, 9_999);
    assert.equal(
      message,
      `the lease “app/bravo” is held by cert=rip from ops1 42 for run ${run} since 1970-01-01T00:00:00.000Z`,
    );
    assert.match(hint ?? '', /it ends by itself 11 s after its holder is gone/);
    assert.match(words({ ...held, from: '' }, 0)[0] ?? '', /is held by cert=rip for run /);
  });
});

describe('a request under a lease', () => {
  const claim = { lease: 'app/bravo', fence: 7, ...rip };
  const why = (lease: Lease | undefined, changes: object = {}) =>
    judgeClaim(lease, { ...claim, ...changes })?.message.replace('the lease “app/bravo” ', '');

  test('is accepted with its number, for its run and caller', () => {
    assert.equal(why(held), undefined);
    assert.equal(why(undefined), 'has ended or was broken');
    assert.equal(why(held, { caller: 'cert=bob' }), 'is held by another run now');
    assert.equal(why(held, { runId: 'b'.repeat(32) }), 'is held by another run now');
    assert.equal(why({ ...held, runId: '' }, { runId: '' }), 'is held by another run now');
    for (const fence of [6, 8]) assert.equal(why(held, { fence }), `was taken again: ${fence} is no longer its number`);
  });
});

describe('the leases of a node', () => {
  test('are those that have not ended; an ended one no longer counts', async () => {
    const clock = { now: 0 };
    const leases = await openLeases(temporaryDirectory(), () => clock.now);
    const other = { ...held, name: 'app/alfa', fence: 8, ends: 30_000 };
    await leases.write(8, [held, other]);
    const names = (but: string) => leases.others(but).map(({ name }) => name);
    assert.deepEqual([leases.find('app/bravo')?.fence, leases.find('nothing')], [7, undefined]);
    assert.deepEqual(names(''), ['app/bravo', 'app/alfa']);
    assert.deepEqual(names('app/alfa'), ['app/bravo']);
    clock.now = 19_999;
    assert.equal(leases.find('app/bravo')?.fence, 7);
    clock.now = 20_000;
    assert.equal(leases.find('app/bravo'), undefined);
    assert.deepEqual(names(''), ['app/alfa']);
    assert.equal(leases.nextFence(), 9);
  });

  test('end one after the other; only those that have expired are removed from the disk', async () => {
    const clock = { now: 0 };
    const directory = temporaryDirectory();
    const leases = await openLeases(directory, () => clock.now);
    assert.equal(leases.nextEnd(), undefined);
    await leases.forgetExpired();
    assert.equal(existsSync(stateFile(directory)), false, 'nothing is written where nothing has expired');
    await leases.write(8, [{ ...held, name: 'app/alfa', fence: 8, ends: 30_000 }, held]);
    assert.equal(leases.nextEnd(), 20_000);
    clock.now = 20_000;
    assert.equal(leases.nextEnd(), 20_000, 'it is still on the disk');
    await leases.forgetExpired();
    assert.equal(leases.nextEnd(), 30_000);
    const { fence, leases: kept } = await readLocks(stateFile(directory), 0);
    assert.deepEqual([fence, kept.map(({ name }) => name)], [8, ['app/alfa']]);
  });

  test('are removed from the disk also if they end while another is removed, or the disk is full', async () => {
    const clock = { now: 0 };
    const directory = temporaryDirectory();
    const leases = await openLeases(directory, () => clock.now);
    await leases.write(8, [held, { ...held, name: 'app/alfa', fence: 8, ends: 30_000 }]);
    assert.equal(leases.nextEnd(), 20_000);
    clock.now = 20_000;
    const forgetting = leases.forgetExpired();
    clock.now = 30_000;
    await forgetting;
    // The timer for the next one is set only now.
    assert.equal(leases.nextEnd(), 30_000);
    rmSync(directory, { recursive: true });
    await assert.rejects(leases.forgetExpired(), { code: 'unwritable-state' });
    assert.equal(leases.nextEnd(), undefined, 'a disk that takes nothing is not tried again at once');
  });

  test('are extended one by one', async () => {
    const clock = { now: 0 };
    const leases = await openLeases(temporaryDirectory(), () => clock.now);
    const other = { ...held, name: 'app/alfa', fence: 8 };
    await leases.write(8, [held, other]);
    clock.now = 5000;
    leases.extend(held, 60_000);
    assert.deepEqual([leases.find('app/bravo')?.ends, leases.find('app/alfa')?.ends], [65_000, 20_000]);
    assert.equal(leases.find('app/bravo')?.fence, 7);
  });
});

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startLock } from '../../../../src/agents/lock/agent.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';

const rip = actionContext({ runId: 'a'.repeat(32) });
const bob = actionContext({ runId: 'b'.repeat(32), caller: 'cert=bob@devco.net' });
const lease = 'app/bravo';

/** The lock agent of a daemon that is started on the directory now; its clock stands still, so that no lease expires. */
async function startOn(stateDirectory: string) {
  const setup = agentSetup({ max_ttl: 60, max_leases: 9 }, { stateDirectory });
  const { handlers, leases } = await startLock(setup, () => 0);
  const call = (action: string, input: object, context: ActionContext) =>
    (handlers[action] as (input: object, context: ActionContext) => Promise<Record<string, unknown>>)(input, context);
  const take = async (context: ActionContext, name = lease) =>
    (await call('take', { name, ttl: 30, from: 'test' }, context)).fence as number;
  const holds = (fence: number, { caller, runId }: ActionContext, name = lease) =>
    leases?.check({ lease: name, fence, caller, runId }) === undefined;
  return { call, take, holds };
}

describe('a node that is interrupted at any change of its leases', () => {
  let root: string;
  let kept: string;
  before(async () => {
    root = mkdtempSync('/dev/shm/mco-lock-');
    kept = mkdtempSync('/dev/shm/mco-lock-kept-');
    const { take } = await startOn(kept);
    assert.deepEqual([await take(rip), await take(rip, 'app/alfa')], [1, 2]);
  });
  after(() => {
    for (const directory of [root, kept]) rmSync(directory, { recursive: true });
  });
  const restore = () => {
    rmSync(root, { recursive: true });
    cpSync(kept, root, { recursive: true });
  };
  /** Cuts the work off at each change, in each way. */
  const atEachChange = (work: () => Promise<unknown>, check: (where: string) => Promise<void>) =>
    crashAtEachChange({ root, prepare: restore, work, check, least: 5 });

  test('has given the lease or not, keeps the others, and never gives a number twice', async () => {
    const given: number[] = [];
    const work = async () => {
      given.length = 0;
      const { take } = await startOn(root);
      given.push(await take(bob, 'app/new'));
      given.push(await take(bob, 'app/newer'));
    };
    await atEachChange(work, async (where) => {
      const node = await startOn(root);
      assert.ok(node.holds(1, rip) && node.holds(2, rip, 'app/alfa'), where);
      if (given[0] !== undefined) assert.ok(node.holds(given[0], bob, 'app/new'), where);
      const next = await node.take(bob, 'app/next');
      assert.ok(next > Math.max(2, ...given), `${where}: ${next} after ${given}`);
    });
  });

  test('has released the lease or not; the run that held it takes it again, the others stay', async () => {
    const work = async () => await (await startOn(root)).call('release', { name: lease, fence: 1 }, rip);
    await atEachChange(work, async (where) => {
      const node = await startOn(root);
      assert.ok(node.holds(2, rip, 'app/alfa'), where);
      const again = await node.take(rip);
      assert.ok(again > 2 && node.holds(again, rip) && !node.holds(1, rip), where);
      assert.deepEqual(await node.call('release', { name: lease, fence: again }, rip), { released: true }, where);
      assert.ok((await node.take(bob)) > again, where);
    });
  });

  test('has broken the lease or not, and a second try breaks it', async () => {
    const work = async () => await (await startOn(root)).call('break', { name: lease }, bob);
    await atEachChange(work, async (where) => {
      const node = await startOn(root);
      await node.call('break', { name: lease }, bob);
      assert.ok(!node.holds(1, rip) && node.holds(2, rip, 'app/alfa'), where);
      assert.ok((await node.take(bob)) > 2, where);
    });
  });
});

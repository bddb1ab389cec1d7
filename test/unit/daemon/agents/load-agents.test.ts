import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { loadAgents } from '../../../../src/daemon/agents/load-agents.ts';
import { actionContext, fixedNode, silentLog } from '../../../support/agents/agent-setup.ts';
import { someTurns } from '../../../support/mock-delays.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-agents-');
});
afterEach(() => rmSync(root, { recursive: true }));

const rip = actionContext({ runId: 'a'.repeat(32) });

/** Starts the lock agent as a daemon does, in a state directory that need not be there yet. */
async function startLock() {
  const lock = agents.filter(({ ddl }) => ddl.name === 'lock');
  const configs = { lock: { max_ttl: 60, max_leases: 3 } };
  const started = await loadAgents(lock, configs, fixedNode, join(root, 'state'), silentLog);
  const take = started.get('lock')?.handlers.take as unknown as (
    input: object,
    context: ActionContext,
  ) => Promise<{ fence: number }>;
  return async () => (await take({ name: 'app/bravo', ttl: 10 }, rip)).fence;
}

describe('an agent whose daemon is interrupted at any change of the disk', () => {
  test('never repeats the number of a lease', async () => {
    const given: number[] = [];
    await crashAtEachChange({
      root,
      prepare: () => {
        rmSync(join(root, 'state'), { recursive: true, force: true });
        given.length = 0;
      },
      work: async () => {
        const take = await startLock();
        for (let time = 0; time < 2; time++) given.push(await take());
      },
      check: async (where) => {
        const next = await (await startLock())();
        assert.ok(next > (given.at(-1) ?? 0), `${where}: ${next} after ${given}`);
      },
      least: 14,
    });
  });
});

describe('agents at daemon start', () => {
  test('include the configured ones; one that cannot start is named, and earlier ones are stopped', async () => {
    const stopped: string[] = [];
    const entry = (name: string, start: () => Promise<object>) =>
      ({ ddl: { name }, config: {}, load: async () => start }) as unknown as (typeof agents)[number];
    const good = entry('good', async () => ({ handlers: {}, stop: async () => stopped.push('good') }));
    const bad = entry('bad', async () => Promise.reject(new Error('no such device')));
    await assert.rejects(loadAgents([good, bad], {}, fixedNode, root, silentLog), {
      code: 'agent-failed',
      message: 'the agent bad cannot start: no such device',
    });
    assert.deepEqual(stopped, ['good']);
  });

  test('name the one that cannot start, also if an earlier one does not stop, and wait for all that do', async () => {
    const stopped: string[] = [];
    const errors: string[] = [];
    const entry = (name: string, start: () => Promise<object>) =>
      ({ ddl: { name }, config: {}, load: async () => start }) as unknown as (typeof agents)[number];
    const stuck = entry('stuck', async () => ({ handlers: {}, stop: () => Promise.reject(new Error('busy')) }));
    const slow = entry('slow', async () => ({
      handlers: {},
      stop: async () => {
        await someTurns();
        stopped.push('slow');
      },
    }));
    const bad = entry('bad', async () => Promise.reject(new Error('no such device')));
    const log = { ...silentLog, error: (_: object, message: string) => errors.push(message) };
    await assert.rejects(loadAgents([stuck, slow, bad], {}, fixedNode, root, log), {
      code: 'agent-failed',
      message: 'the agent bad cannot start: no such device',
    });
    assert.deepEqual([stopped, errors], [['slow'], ['an agent did not stop']]);
  });
});

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as rule from '../../../../../src/agents/haproxy/into-traffic/rule.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import type { ServerLine } from '../../../../../src/agents/haproxy/servers/line.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const { signal } = new AbortController();

/**
 * Lists the commands that HAProxy answers for a line, without their start. A command that does not wait for the one before is
 * answered first.
 */
async function commandsOf(fields: Partial<Server>, act: (line: ServerLine) => Promise<void>): Promise<string[]> {
  const asked: string[] = [];
  let begun = 0;
  const ask = async (command: string) => {
    for (let turns = Math.max(1, 5 - begun++); turns > 0; turns--) await setImmediate();
    asked.push(command);
    return '';
  };
  const runtime: Runtime = { name: '/run/a.sock', ask };
  await act({ view: { ...backendView('app', []), runtime }, server: server('web1', fields) });
  return asked.map((command) => command.replaceAll('set server app/web1 ', ''));
}

test('no other file sends HAProxy a state except “drain” and “maint”', () => {
  const directory = 'src/agents/haproxy';
  const senders = globSync('**/*.ts', { cwd: directory }).filter((file) =>
    /set server .* state /.test(readFileSync(`${directory}/${file}`, 'utf8')),
  );
  assert.deepEqual(senders.sort(), ['into-traffic/rule.ts', 'servers/change.ts']);
  const users = globSync('**/*.ts', { cwd: directory }).filter((file) =>
    /import \{ change\b/.test(readFileSync(`${directory}/${file}`, 'utf8')),
  );
  assert.deepEqual(users, ['into-traffic/rule.ts']);
});

test('a check has passed if the server is up, at full health if HAProxy checks it', () => {
  const passed = (fields: Partial<Server>) => rule.hasPassedCheck(server('web1', { checked: true, top: 4, ...fields }));
  assert.deepEqual(
    [4, 5, 3, 0].map((health) => passed({ health })),
    [true, true, false, false],
  );
  assert.equal(passed({ health: 4, operational: 0 }), false);
  assert.equal(passed({ health: 0, checked: false }), true);
  assert.equal(passed({ health: 0, checked: false, operational: 0 }), false);
});

test('the first check that passes is enough for a server whose health was set to 0', async () => {
  const commands = (fields: Partial<Server>) =>
    commandsOf({ checked: true, top: 4, ...fields }, (line) => rule.acceptFirstCheck(line, signal));
  assert.deepEqual(await commands({ health: 1, operational: 0 }), ['health up']);
  assert.deepEqual(await commands({ health: 0, operational: 0 }), []);
  assert.deepEqual(await commands({ health: 4 }), []);
});

describe('a line that a failed change set back', () => {
  const restored = (before: 'ready' | 'drain' | 'maint', wasUp: boolean, tracked = '') =>
    commandsOf({ tracked }, (line) => rule.restore(line, before, wasUp, signal));

  test('has its earlier state if it was up', async () => {
    for (const state of ['ready', 'drain', 'maint'] as const)
      assert.deepEqual(await restored(state, true), [`state ${state}`]);
  });

  test('has its health lowered in drain if it was down; not in maintenance, and not if it follows another', async () => {
    assert.deepEqual(await restored('ready', false), ['state drain; health down', 'state ready']);
    assert.deepEqual(await restored('drain', false), ['state drain; health down', 'state drain']);
    assert.deepEqual(await restored('maint', false), ['state maint']);
    assert.deepEqual(await restored('ready', false, 'app/web2'), ['state ready']);
  });
});

test('a line of another host comes back as down if it has checks', async () => {
  const released = (fields: Partial<Server>) => commandsOf(fields, (line) => rule.release(line, signal));
  assert.deepEqual(await released({ checked: true }), ['state drain; health down', 'state ready']);
  assert.deepEqual(await released({ checked: false }), ['state ready']);
});

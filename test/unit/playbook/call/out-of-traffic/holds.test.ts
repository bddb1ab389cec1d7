import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { haproxyDdl } from '../../../../../src/agents/haproxy/ddl.ts';
import {
  allHolds,
  findHost,
  holdsOn,
  hostsOf,
  noteTraffic,
  outSinceIn,
} from '../../../../../src/playbook/call/holds.ts';
import type { StepReply } from '../../../../../src/playbook/call/reply.ts';
import type { StepCall } from '../../../../../src/playbook/call/step-call.ts';
import type { RunChanges, RunContext } from '../../../../../src/playbook/context.ts';

const noChanges = (): RunChanges => ({
  repeatable: new Map(),
  holds: new Map(),
  lastRequestId: '',
  final: new Set<string>(),
});
function call(action: 'disable' | 'enable' | 'status', input: object, own: RunChanges, more: object = {}): StepCall {
  const ddl = haproxyDdl.actions[action];
  const plan = { agent: 'haproxy', agentDdl: haproxyDdl, action, ddl };
  return { plan, input, dryRun: false, step: { id: 'out' }, run: { changes: own }, ...more } as unknown as StepCall;
}
const reply = (node: string, data: object = {}, ok = true): StepReply => ({
  ...{ node, ok, outcome: ok ? 'ok' : 'failed', code: '', message: '', data: data as StepReply['data'] },
});

describe('hosts that a run disables', () => {
  const input = { server: 'dev1,dev2,dev1', backend: 'app', min_available: 2 };

  test('are held by each node that did it, with the time, and the call that proves it', () => {
    const own = noChanges();
    const said = { hosts: [{ name: 'dev1', out_since: 5 }, { name: 'dev2' }] };
    noteTraffic(call('disable', input, own), [reply('lb1', said), reply('lb2', {}, false)], false);
    const proof = { agent: 'haproxy', action: 'status', hosts: 'server', input: { backend: 'app' } };
    assert.deepEqual(allHolds(own), [
      { host: 'dev1', node: 'lb1', since: 5, step: 'out', stale: false, proof },
      { host: 'dev2', node: 'lb1', since: undefined, step: 'out', stale: false, proof },
    ]);
  });

  test('are held even if the agent of a site does not have the action that would prove it', () => {
    const own = noChanges();
    const { disable } = haproxyDdl.actions;
    const made = call('disable', input, own);
    const plan = { ...made.plan, agentDdl: { ...haproxyDdl, actions: { disable } } };
    noteTraffic({ ...made, plan } as StepCall, [reply('lb1')], false);
    const proof = { agent: 'haproxy', action: 'status', hosts: 'server', input: {} };
    assert.deepEqual(
      allHolds(own).map((hold) => [hold.host, hold.proof]),
      [
        ['dev1', proof],
        ['dev2', proof],
      ],
    );
  });

  test('are marked as stale from before a resume', () => {
    const own = noChanges();
    noteTraffic(call('disable', input, own), [reply('lb1')], true);
    assert.deepEqual(
      allHolds(own).map(({ stale }) => stale),
      [true, true],
    );
  });

  test('are no longer held by the node that enabled them', () => {
    const own = noChanges();
    noteTraffic(call('disable', { server: 'dev1,dev2' }, own), [reply('lb1'), reply('lb2')], false);
    noteTraffic(call('enable', { server: 'dev1' }, own), [reply('lb1'), reply('lb2', {}, false)], false);
    assert.deepEqual(
      allHolds(own).map(({ host, node }) => [host, node]),
      [
        ['dev2', 'lb1'],
        ['dev1', 'lb2'],
        ['dev2', 'lb2'],
      ],
    );
  });

  test('are not recorded for a dry run, nor for calls that move no traffic', () => {
    const own = noChanges();
    noteTraffic(call('disable', input, own, { dryRun: true }), [reply('lb1')], false);
    noteTraffic(call('status', input, own), [reply('lb1')], false);
    assert.deepEqual(allHolds(own), []);
    assert.deepEqual(hostsOf(call('disable', input, own)), ['dev1', 'dev2']);
    assert.deepEqual([hostsOf(call('status', input, own)), hostsOf(call('disable', {}, own))], [[], []]);
  });
});

describe('the holds that a change of nodes relies on', () => {
  test('are those of these nodes, and of hosts that are not nodes, which may be any', () => {
    const own = noChanges();
    noteTraffic(call('disable', { server: 'dev1,dev2,web9' }, own), [reply('lb1')], false);
    const run = { changes: own, isKnownNode: (name: string) => name.startsWith('dev') } as RunContext;
    const hosts = (nodes: readonly string[]) => holdsOn(nodes, run).map(({ host }) => host);
    assert.deepEqual([hosts(['dev1']), hosts(['dev3'])], [['dev1', 'web9'], ['web9']]);
  });
});

describe('a host in the reply of a node', () => {
  const list = [null, 7, { name: 'dev1', out_since: '5' }, { name: 'dev2', out_since: 6 }];

  test('is found by its name, whatever else is in the list', () => {
    assert.deepEqual(findHost(list, 'dev2'), { name: 'dev2', out_since: 6 });
    assert.deepEqual(
      [findHost(list, 'dev3'), findHost('no list', 'dev2'), findHost(undefined, 'dev2')],
      [undefined, undefined, undefined],
    );
  });

  test('is out only if a number gives the start', () => {
    assert.deepEqual(
      [outSinceIn(list, 'dev1'), outSinceIn(list, 'dev2'), outSinceIn(list, 'dev3')],
      [undefined, 6, undefined],
    );
  });
});

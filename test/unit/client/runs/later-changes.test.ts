import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { findLater } from '../../../../src/client/runs/later-changes.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';

const catalogue = agents.map(({ ddl }) => ddl);

interface Call {
  readonly at?: number;
  readonly agent?: string;
  readonly nodes?: readonly string[];
  readonly input?: object;
  readonly step?: string;
  readonly changes?: boolean;
  readonly dryRun?: boolean;
  readonly outcome?: string;
}

/** A run with one call. */
const journal = (runId: string, at: number, found: readonly string[], call: Call = {}) => {
  const { agent = 'appmgr', nodes = ['dev2'], input = {}, step = 'one', changes = true, dryRun = false } = call;
  const stamp = { at, runId };
  const entries = [
    { ...stamp, type: 'run-started', playbook: 'p', operator: 'rip', inputs: { cluster: runId }, dryRun: false },
    { ...stamp, type: 'nodes-found', sets: { web: found } },
    { at: call.at ?? at + 1, runId, type: 'call', requestId: runId, agent, nodes, input, step, changes, dryRun },
    ...nodes.map((node) => ({ ...stamp, type: 'outcome', requestId: runId, node, outcome: call.outcome ?? 'ok' })),
  ];
  return entries as unknown as JournalEntry[];
};
const first = journal('first', 10, ['dev2', 'dev4', 'lb1']);
const hostsOf = (...others: readonly (readonly JournalEntry[])[]) =>
  findLater(first, [first, ...others], catalogue).map(({ run, hosts }) => [run, ...hosts].join(' '));

describe('the later runs that changed the hosts of a run', () => {
  test('are those that changed a node that it found, whether or not it came to it', () => {
    assert.deepEqual(hostsOf(journal('b', 20, [], { nodes: ['dev4', 'dev6'] })), ['b dev4']);
    assert.deepEqual(hostsOf(journal('b', 20, [], { nodes: ['dev6'] })), []);
    assert.deepEqual(hostsOf(journal('b', 20, []), journal('c', 30, [])), ['c dev2', 'b dev2']);
  });

  test('are sorted by their last change of these hosts, the latest first', () => {
    const again = journal('b', 20, [], { nodes: ['dev4'], at: 40 }).filter(({ type }) => type === 'call');
    const others = journal('b', 20, [], { nodes: ['dev6'], at: 60 }).filter(({ type }) => type === 'call');
    const twice = [...journal('b', 20, [], { at: 25 }), ...again, ...others];
    assert.deepEqual(hostsOf(twice, journal('c', 30, [])), ['b dev2 dev4', 'c dev2']);
    assert.deepEqual(hostsOf(twice, journal('c', 50, [])), ['c dev2', 'b dev2 dev4']);
  });

  test('are not those that only took other hosts out of a shared load balancer', () => {
    const call = { agent: 'haproxy', nodes: ['lb1'] };
    assert.deepEqual(hostsOf(journal('b', 20, [], { ...call, input: { server: 'dev1,dev3' } })), []);
    assert.deepEqual(hostsOf(journal('b', 20, [], { ...call, input: { server: 'dev1,dev4' } })), ['b dev4']);
    assert.deepEqual(hostsOf(journal('b', 20, [], { agent: 'service', nodes: ['lb1'] })), ['b lb1']);
  });

  test('are not those that changed nothing', () => {
    for (const call of [
      { changes: false },
      { dryRun: true },
      { step: '', agent: 'lock' },
      { agent: 'angelia' },
      { outcome: 'refused' },
    ])
      assert.deepEqual(hostsOf(journal('b', 20, [], call)), [], JSON.stringify(call));
    assert.deepEqual(hostsOf(journal('b', 20, [], { outcome: 'no-response' })), ['b dev2']);
  });

  test('are not those that had changed them before it began, or before it was last resumed', () => {
    assert.deepEqual(hostsOf(journal('b', 5, [], { at: 9 })), []);
    assert.deepEqual(hostsOf(journal('b', 5, [], { at: 11 })), ['b dev2']);
    const resumed = [...first, { at: 40, runId: 'first', type: 'run-resumed', operator: 'rip' } as const];
    assert.deepEqual(findLater(resumed, [journal('b', 20, [])], catalogue), []);
  });

  test('count once, if several copies of a journal are known', () => {
    assert.deepEqual(hostsOf(journal('b', 20, []), journal('b', 20, [], { at: 25 })), ['b dev2']);
  });
});

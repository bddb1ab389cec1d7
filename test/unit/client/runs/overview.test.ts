import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatStatus, statusJson } from '../../../../src/client/commands/status/format.ts';
import { applyColors, paintFor } from '../../../../src/client/render/color.ts';
import { type Deployed, findDeployments, incompleteRuns } from '../../../../src/client/runs/overview.ts';
import type { RunRecord } from '../../../../src/client/runs/record.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';
import { assertFits } from '../../../support/program/output-schema.ts';

const now = 10 * 60_000;
const id = (letter: string) => letter.repeat(32);
const node = (name: string, release: string, more: Partial<Deployed> = {}): Deployed => ({
  cluster: 'bravo',
  node: name,
  application: 'app',
  release,
  healthy: true,
  inTraffic: true,
  broughtBy: undefined,
  ...more,
});
const call = { node: 'dev2', agent: 'appmgr', action: 'upgrade', dryRun: false, try: 1, outcome: 'ok', code: '' };
const record = (run: string, state: string, cluster = 'bravo'): RunRecord => ({
  run,
  state,
  began: 0,
  last: 0,
  playbook: 'app_cluster_upgrade',
  operator: 'rip',
  inputs: { cluster },
  dryRun: false,
  steps: [{ step: 'update', state, calls: [{ ...call, message: '', data: {} }] }],
});

test('status is a table of nodes, then mixed releases and incomplete runs with the command that continues them', () => {
  const broughtByRip = { run: id('a'), operator: 'rip', at: now - 125_000 };
  const deployed = [
    node('dev2', '20', { broughtBy: broughtByRip }),
    node('dev4', '10', { healthy: false, inTraffic: false }),
  ];
  const records = [record(id('b'), 'failed')];
  const status = { deployed, out: [], asked: true, records, now };
  assert.deepEqual(formatStatus(status, { paint: paintFor({}), wide: false }), [
    'CLUSTER  NODE  RELEASE  HEALTHY  IN TRAFFIC  SINCE   BY   RUN',
    'bravo    dev2  20       yes      yes         2m ago  rip  aaaaaaaa',
    'bravo    dev4  10       NO       NO',
    'all servers take traffic',
    'mixed releases in cluster bravo: 10 on dev4; 20 on dev2',
    `incomplete run bbbbbbbb (app_cluster_upgrade, failed, 10m ago); to continue: mco-deploy resume ${id('b')}`,
  ]);
  assertFits('status', statusJson(status));
  const [head, first] = formatStatus(status, { paint: paintFor({}), wide: true });
  assert.match(head ?? '', /APPLICATION +RELEASE/);
  assert.match(first ?? '', new RegExp(` \\d{4}-[^ ]+Z  rip  ${id('a')}$`));
  const painted = formatStatus(status, { paint: paintFor({ colors: true }), wide: false });
  assert.match(applyColors(painted[2] ?? '', true), /\x1b\[31mNO\x1b\[0m/);
});

test('a run is no longer incomplete once a later one for its cluster has ended', () => {
  const runs = (...states: string[]) =>
    incompleteRuns(states.map((state, index) => record(id(String(index)), state))).map(({ state }) => state);
  assert.deepEqual(runs('failed', 'done', 'cut-off'), ['failed']);
  assert.deepEqual(runs('done', 'failed'), []);
  assert.deepEqual(runs('running', 'interrupted'), []);
  const dry = { ...record(id('1'), 'done'), dryRun: true };
  assert.deepEqual(
    incompleteRuns([dry, record(id('2'), 'cut-off')]).map(({ run }) => run),
    [id('2')],
    'a dry run completes nothing',
  );
  assert.deepEqual(incompleteRuns([{ ...dry, state: 'failed' }]), []);
  const other = incompleteRuns([record(id('1'), 'done', 'alfa'), record(id('2'), 'cut-off', 'bravo')]);
  assert.deepEqual(
    other.map(({ run }) => run),
    [id('2')],
  );
});

test('a release belongs to the last run that deployed it', () => {
  const journal = (run: string, at: number, revision: string): JournalEntry[] => {
    const asked = { step: 'update', requestId: run, try: 1, batch: 1, dryRun: false, changes: true };
    const started = { playbook: 'p', file: 'p', operator: 'rip', dryRun: false, inputs: {}, time: '', digest: '' };
    const ended = { outcome: 'ok', status: 0, code: '', message: '', data: { revision } };
    return [
      { at, runId: run, type: 'run-started', ...started },
      {
        at,
        runId: run,
        type: 'call',
        ...asked,
        agent: 'appmgr',
        action: 'upgrade',
        input: { revision },
        nodes: ['dev2'],
      },
      { at, runId: run, type: 'outcome', step: 'update', requestId: run, try: 1, node: 'dev2', ...ended },
    ];
  };
  const found = findDeployments([journal(id('c'), 3, '10'), journal(id('b'), 2, '20'), journal(id('a'), 1, '10')]);
  assert.deepEqual(found.get('dev2 10'), { run: id('c'), operator: 'rip', at: 3 });
  assert.deepEqual(found.get('dev2 20'), { run: id('b'), operator: 'rip', at: 2 });
});

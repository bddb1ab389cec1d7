import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatStatus, statusJson } from '../../../../src/client/commands/status/format.ts';
import { applyColors, paintFor } from '../../../../src/client/render/color.ts';
import { type Deployed, findDeployments, incompleteRuns, mixedClusters } from '../../../../src/client/runs/overview.ts';
import type { RunRecord } from '../../../../src/client/runs/record.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';
import { fitTo } from '../../../../src/client/render/table.ts';
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
const call = {
  node: 'dev2',
  agent: 'appmgr',
  action: 'upgrade',
  dryRun: false,
  changes: true,
  try: 1,
  outcome: 'ok',
  code: '',
};
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

test('the table of status fits a terminal, and the commands below it stay whole', () => {
  const status = { deployed: [node('dev2', '20')], out: [], asked: true, records: [record(id('2'), 'failed')], now };
  const narrow = { out: () => {}, columns: 24 };
  const shown = (options: { readonly output?: 'wide' }) =>
    formatStatus(status, { paint: paintFor({}), wide: false, fit: fitTo(options, narrow) });
  assert.deepEqual(shown({}).slice(0, 3), [
    'CLUSTER  NODE  RELEASE…',
    'bravo    dev2  20…',
    'all servers take traffic',
  ]);
  assert.ok(shown({}).at(-1)?.endsWith(id('2')));
  assert.match(shown({ output: 'wide' })[0] ?? '', /RUN$/);
});

test('status promises nothing that no load balancer said, and has no run where a call belonged to none', () => {
  const broughtBy = { run: '', operator: 'rip', at: now };
  const deployed = [node('dev2', '', { inTraffic: undefined, broughtBy })];
  const status = { deployed, out: [], asked: false, records: [], now };
  const lines = formatStatus(status, { paint: paintFor({}), wide: false });
  assert.match(lines[1] ?? '', /^bravo {4}dev2 {2}\(none\) {3}yes {6}\? /);
  assert.equal(lines.length, 2);
  const [shown] = statusJson(status).nodes;
  assert.deepEqual([shown?.in_traffic, shown?.run, shown?.operator], [null, null, 'rip']);
});

test('a cluster is mixed if nodes serve several releases of one application, for each application', () => {
  const one = [node('dev2', '20'), node('dev2', '7', { application: 'other' }), node('dev4', '20')];
  assert.deepEqual(mixedClusters(one), []);
  assert.deepEqual(mixedClusters([node('dev2', '20'), node('dev2', '7', { cluster: 'alfa' })]), []);
  const both = mixedClusters([...one, node('dev6', '10'), node('dev6', '8', { application: 'other' })]);
  assert.deepEqual(
    both.map(({ cluster, releases }) => [cluster, ...releases.map(({ release, nodes }) => `${release} ${nodes}`)]),
    [
      ['bravo', '10 dev6', '20 dev2,dev4'],
      ['bravo', '7 dev2', '8 dev6'],
    ],
  );
});

test('each run that did not complete is incomplete, if it changed anything', () => {
  const runs = [record(id('1'), 'failed'), record(id('2'), 'cut-off')];
  assert.deepEqual(
    incompleteRuns(runs).map(({ run }) => run),
    [id('1'), id('2')],
  );
  for (const [more, count] of [
    [{}, 1],
    [{ action: 'status', changes: false }, 0],
    [{ agent: 'rpcutil', action: 'daemon_stats', changes: false }, 0],
    [{ agent: 'service', action: 'status', changes: true }, 1],
    [{ agent: 'angelia', action: 'send' }, 0],
    [{ dryRun: true }, 0],
  ] as const) {
    const step = { step: 's', state: 'failed', calls: [{ ...call, message: '', data: {}, ...more }] };
    assert.equal(incompleteRuns([{ ...record(id('1'), 'failed'), steps: [step] }]).length, count, JSON.stringify(more));
  }
});

test('a run stays incomplete after a later run of another playbook for its cluster that changed nothing', () => {
  const read = { ...call, action: 'status', changes: false, message: '', data: {} };
  const looked = (playbook: string) => ({
    ...record(id('1'), 'done'),
    playbook,
    steps: [{ step: 'look', state: 'done', calls: [read] }],
  });
  const incomplete = (playbook: string) => incompleteRuns([looked(playbook), record(id('2'), 'failed')]).length;
  assert.deepEqual([incomplete('check_cluster'), incomplete('app_cluster_upgrade')], [1, 0]);
});

test('a run is no longer incomplete once a later one for its cluster has ended', () => {
  const runs = (...states: string[]) =>
    incompleteRuns(states.map((state, index) => record(id(String(index)), state))).map(({ state }) => state);
  assert.deepEqual(runs('failed', 'done', 'cut-off'), ['failed']);
  assert.deepEqual(runs('done', 'failed'), []);
  assert.deepEqual(runs('running', 'interrupted'), []);
  const loud = { ...record(id('1'), 'done'), inputs: { cluster: 'BRAVO' } };
  assert.deepEqual(incompleteRuns([loud, record(id('2'), 'failed')]), [], 'in any case, as filters compare');
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

describe('a release', () => {
  const journal = (
    run: string,
    at: number,
    revision: string,
    { start = {}, made = {}, end = {} }: { start?: object; made?: object; end?: object } = {},
  ): JournalEntry[] => {
    const asked = { step: 'update', requestId: run, try: 1, batch: 1, dryRun: false, changes: true };
    const started = { playbook: 'p', file: 'p', operator: 'rip', dryRun: false, inputs: {}, time: '', digest: '' };
    const ended = { outcome: 'ok', status: 0, code: '', message: '', data: { revision } };
    return [
      { at, runId: run, type: 'run-started', ...started, ...start },
      {
        at,
        runId: run,
        type: 'call',
        ...asked,
        agent: 'appmgr',
        action: 'upgrade',
        input: { revision },
        nodes: ['dev2'],
        ...made,
      },
      { at, runId: run, type: 'outcome', step: 'update', requestId: run, try: 1, node: 'dev2', ...ended, ...end },
    ] as JournalEntry[];
  };

  test('belongs to the last run that deployed it', () => {
    const found = findDeployments([journal(id('c'), 3, '10'), journal(id('b'), 2, '20'), journal(id('a'), 1, '10')]);
    assert.deepEqual(found.get('dev2 10'), { run: id('c'), operator: 'rip', at: 3 });
    assert.deepEqual(found.get('dev2 20'), { run: id('b'), operator: 'rip', at: 2 });
  });

  test('belongs to no dry run, and to no call that failed or deploys nothing', () => {
    const keys = (more: { start?: object; made?: object; end?: object }) => [
      ...findDeployments([journal(id('a'), 1, '10', more)]).keys(),
    ];
    assert.deepEqual(keys({ made: { action: 'rollback' } }), ['dev2 10']);
    assert.deepEqual(keys({ end: { data: {} } }), ['dev2 10'], 'as it was asked for');
    for (const more of [
      ...[{ start: { dryRun: true } }, { made: { dryRun: true } }, { made: { agent: 'other' } }],
      ...[{ made: { action: 'fetch' } }, { end: { outcome: 'failed' } }, { end: { requestId: 'another' } }],
    ])
      assert.deepEqual(keys(more), [], JSON.stringify(more));
  });
});

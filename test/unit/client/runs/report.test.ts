import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { duration } from '../../../../src/client/render/times.ts';
import { drawBanner } from '../../../../src/client/runs/report/banner.ts';
import type { RunRecord } from '../../../../src/client/runs/record.ts';
import { readIncident } from '../../../../src/client/runs/report/read/incident.ts';
import { readAttempts } from '../../../../src/client/runs/report/read/attempts.ts';
import { groupFailures } from '../../../../src/client/runs/report/read/failures.ts';
import { replayJournal } from '../../../../src/client/runs/report/read/replay.ts';
import { findTicks } from '../../../../src/client/runs/report/ticks.ts';
import { defineClock } from '../../../../src/client/runs/report/times.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';

const runId = 'a'.repeat(32);
const base = { playbook: 'p', file: 'p.yaml', operator: 'rip', dryRun: false, inputs: {}, time: '', digest: '' };

/** Entries of a run, each a second after the one before. */
function journalOf(...entries: readonly object[]): JournalEntry[] {
  const all = [{ type: 'run-started', ...base }, ...entries];
  return all.map(
    (entry, index) => ({ at: 1_800_000_000_000 + index * 1000, runId, ...entry }) as unknown as JournalEntry,
  );
}

const call = (requestId: string, action: string, nodes: readonly string[], more: object = {}) => {
  const about = { type: 'call', step: 's', requestId, try: 1, batch: 1, agent: 'haproxy', action, dryRun: false };
  return { ...about, changes: action !== 'status', input: {}, nodes, ...more };
};
const outcome = (requestId: string, node: string, data: object, more: object = {}) => {
  const about = {
    type: 'outcome',
    step: 's',
    requestId,
    try: 1,
    node,
    outcome: 'ok',
    status: 0,
    code: '',
    message: '',
  };
  return { ...about, data, ...more };
};

describe('the page of a run, as read from a journal', () => {
  const pageTop = (state: string, entries: readonly object[]) => {
    const record = { run: runId, playbook: 'p', operator: 'rip', state, dryRun: false } as unknown as RunRecord;
    return drawBanner(readIncident(record, journalOf(...entries))).markup;
  };

  test('begins with what a run that is done has changed', () => {
    const upgraded = [
      call('1', 'upgrade', ['dev1'], { agent: 'appmgr', changes: true }),
      outcome('1', 'dev1', { changed: true, revision_before: '10', revision_after: '20' }),
    ];
    assert.match(pageTop('done', upgraded), /<h1>[^<]*(in \d|Done)/);
    assert.match(pageTop('done', []), /<h1>Done in /);
  });

  test('shows the next command apart from the reason that comes before it', () => {
    const next = 'to continue, after “mco-deploy ca renew rip@devco.net” where the CA is: mco-deploy resume aaaaaaaa';
    const failed = [{ type: 'run-finished', state: 'failed', next, elapsed: 1 }];
    assert.match(pageTop('failed', failed), /<pre class="command">mco-deploy resume aaaaaaaa<\/pre>/);
  });

  test('infers nothing about other servers from a load balancer that was queried about two', () => {
    const { out, untouched } = replayJournal(
      journalOf(
        call('1', 'disable', ['lb1']),
        outcome('1', 'lb1', { backend: 'app', changed: ['a', 'b', 'c'], unchanged: [] }),
        call('2', 'status', ['lb1']),
        outcome('2', 'lb1', { backend: 'app', out: ['a'], servers: [{ name: 'a' }, { name: 'b' }] }),
      ),
    );
    assert.deepEqual(out.map(({ server }) => server).sort(), ['a', 'c'], 'b is in again, c was not asked about');
    assert.deepEqual(untouched, []);
  });

  test('counts a try with an insufficient reply as failed, even if a later one succeeded', () => {
    const attempts = readAttempts(
      journalOf(
        { type: 'step-started', step: 's', name: 'Check the load', title: 'nrpe#runcommand', kind: 'call' },
        call('1', 'status', ['dev2']),
        outcome('1', 'dev2', { output: 'CRITICAL' }),
        {
          type: 'verdict',
          step: 's',
          requestId: '1',
          failed: [{ node: 'dev2', code: 'until-failed', reason: 'too high' }],
        },
        call('1', 'status', ['dev2'], { try: 2 }),
        outcome('1', 'dev2', { output: 'OK' }, { try: 2 }),
        { type: 'step-finished', step: 's', state: 'done' },
      ),
    );
    const [group, ...others] = groupFailures(attempts);
    assert.deepEqual(others, []);
    assert.equal(group?.recovered, true);
    assert.equal(group?.reason, 'too high');
    assert.deepEqual(
      group?.tries.map((one) => one.rejection?.code),
      ['until-failed', undefined],
    );
  });

  test('gives each attempt its own times: repeated work does not include the time between', () => {
    const step = { type: 'step-started', step: 's' };
    const attempts = readAttempts(
      journalOf(step, { type: 'process' }, { type: 'run-resumed', operator: 'ann' }, step, {
        type: 'step-finished',
        step: 's',
        state: 'done',
      }),
    );
    assert.deepEqual(
      attempts.map(({ operator, steps }) => [operator, steps[0]?.state, (steps[0]?.end ?? 0) - (steps[0]?.begin ?? 0)]),
      [
        ['rip', 'begun', 0],
        ['ann', 'done', 1000],
      ],
    );
  });
});

describe('times on a page', () => {
  test('are shown on the clock of the author and in UTC, and once if these agree', () => {
    const at = Date.UTC(2026, 10, 28, 23, 11, 20);
    const { markup } = defineClock('Europe/Berlin').both(at);
    assert.match(markup, /29 Nov 2026, 00:11:20 (CET|GMT\+1)<\/time> <span class="muted">2026-11-28 23:11:20 UTC</);
    assert.equal(
      defineClock('UTC').both(at).markup,
      '<time datetime="2026-11-28T23:11:20.000Z">2026-11-28 23:11:20 UTC</time>',
    );
    assert.equal(defineClock('America/St_Johns').short(at), '19:41:20');
  });

  test('are rounded to common units', () => {
    assert.deepEqual([0, 49.6, 1300, 59_949, 59_960, 200_000, 3_900_000].map(duration), [
      '0 ms',
      '50 ms',
      '1.3 s',
      '59.9 s',
      '1 min 0 s',
      '3 min 20 s',
      '1 h 5 min',
    ]);
  });

  test('fill an axis with at most seven marks, at round times, for any length of the run', () => {
    assert.deepEqual(
      findTicks(4200).map(({ text }) => text),
      ['0', '1 s', '2 s', '3 s', '4 s'],
    );
    for (const whole of [0, 1, 49, 999, 61_000, 7_200_000, 90_000_000, 9e12]) {
      const ticks = findTicks(whole);
      assert.ok(ticks.length >= 1 && ticks.length <= 8, String(whole));
    }
  });
});

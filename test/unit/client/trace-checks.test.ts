import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareWithJournal, type TracedNode } from '../../../src/client/trace/checks.ts';
import type { IntentRecord, OutcomeRecord } from '../../../src/core/audit/record.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';

const node = 'dev2.devco.net';
const requestId = 'a'.repeat(32);
const about = { at: 0, runId: 'b'.repeat(32), step: 'update', requestId, try: 1 };

function journalWith(ended: { outcome: string; code: string; auditHead?: string }): JournalEntry[] {
  const call = { agent: 'appmgr', action: 'upgrade', dryRun: false, changes: true, input: {}, batch: 1, nodes: [node] };
  return [
    { ...about, type: 'run-started', operator: 'rip@devco.net' } as unknown as JournalEntry,
    { ...about, type: 'call', ...call },
    { ...about, type: 'outcome', node, status: 0, message: '', data: {}, ...ended },
  ];
}

function recordsWith(sequence: number | undefined): TracedNode {
  const intent = {
    sequence,
    request_id: requestId,
    try: 1,
    agent: 'appmgr',
    action: 'upgrade',
    dry_run: false,
    arguments: {},
    caller: 'cert=rip@devco.net',
  } as unknown as IntentRecord & { sequence: number };
  const entries = sequence === undefined ? [] : [{ intent, outcome: undefined as OutcomeRecord | undefined }];
  return { node, entries: entries as unknown as TracedNode['entries'], hashes: new Map() };
}

const compare = (ended: Parameters<typeof journalWith>[0], sequence: number | undefined) =>
  compareWithJournal(journalWith(ended), [recordsWith(sequence)]).map(({ code, admitted }) => [
    code,
    admitted === true,
  ]);

describe('a missing record', () => {
  for (const code of ['audit-failed', 'busy', 'rate-limited', 'not-serving', 'expired-certificate']) {
    test(`was admitted by a node that refused with ${code}`, () => {
      assert.deepEqual(compare({ outcome: 'refused', code }, undefined), [['refused-unrecorded', true]]);
    });
  }

  for (const [outcome, code] of [
    ['refused', 'policy-denied'],
    ['refused', 'replayed'],
    ['ok', ''],
    ['failed', 'audit-failed'],
  ] as const) {
    test(`disagrees with a reply of ${outcome} ${code}`, () => {
      assert.deepEqual(compare({ outcome, code }, undefined), [['no-record', false]]);
    });
  }

  test('agrees for an outcome with a reply whose head is the request itself', () => {
    const ended = { outcome: 'ok', code: '', auditHead: `7:${'0'.repeat(64)}` };
    assert.deepEqual(compare(ended, 7), [['outcome-unrecorded', true]]);
  });

  test('disagrees for an outcome with a reply whose head came after it, or that had none', () => {
    const later = { outcome: 'ok', code: '', auditHead: `8:${'0'.repeat(64)}` };
    assert.deepEqual(compare(later, 7), [['no-outcome', false]]);
    assert.deepEqual(compare({ outcome: 'ok', code: '' }, 7), [['no-outcome', false]]);
  });
});

describe('an outcome that only the node recorded', () => {
  const recorded = { ...recordsWith(7) };
  const outcome = { outcome: 'failed', code: 'cancelled', time: '2026-11-28T20:00:00.000Z' } as OutcomeRecord & {
    time: string;
  };
  const node7 = { ...recorded, entries: recorded.entries.map((entry) => ({ ...entry, outcome })) };
  const finished = { ...about, type: 'run-finished' } as unknown as JournalEntry;
  const resumed = { ...about, type: 'run-resumed', operator: 'rip@devco.net' } as unknown as JournalEntry;
  const codes = (...journal: JournalEntry[]) => compareWithJournal(journal, [node7]).map(({ code }) => code);
  const [started, call, ended] = journalWith({ outcome: 'ok', code: '' }) as [JournalEntry, JournalEntry, JournalEntry];

  test('does not count as a disagreement if the client was killed during the call', () => {
    assert.deepEqual(codes(started, call), []);
    assert.deepEqual(codes(started, call, resumed, finished), []);
  });

  test('counts as a disagreement if the run finished, or the journal has another outcome', () => {
    assert.deepEqual(codes(started, call, finished), ['outcome-differs']);
    assert.deepEqual(codes(started, call, ended), ['outcome-differs']);
    assert.deepEqual(codes(started, call, ended, resumed), ['outcome-differs']);
  });
});

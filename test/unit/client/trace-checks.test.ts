import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareWithJournal, type TracedNode } from '../../../src/client/trace/checks.ts';
import { findAuditFiles, locateAudit } from '../../../src/client/trace/locate.ts';
import { offsetOf, orderEntries, renderTrace, type Trace, traceJson } from '../../../src/client/trace/render.ts';
import type { AuditEntry } from '../../../src/core/audit/show.ts';
import type { IntentRecord, OutcomeRecord } from '../../../src/core/audit/record.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

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

describe('the place of a node’s audit log', () => {
  test('is what its configuration says, relative to that, or the usual one', async () => {
    const directory = temporaryDirectory();
    const config = join(directory, 'node.yaml');
    writeFileSync(config, 'audit: {file: log/audit.jsonl}\ntls: {ca: my-ca.crt, certificate: /etc/n.crt}\nstate: st\n');
    assert.deepEqual(await locateAudit({ config }), {
      file: join(directory, 'log/audit.jsonl'),
      ca: join(directory, 'my-ca.crt'),
      issuers: ['/etc/n.crt', join(directory, 'crl.pem'), join(directory, 'st/crl.pem')],
    });
    writeFileSync(config, '[]');
    assert.deepEqual(await locateAudit({ config }), {
      file: '/var/log/mco-deploy/audit.jsonl',
      ca: join(directory, 'ca.crt'),
      issuers: [join(directory, 'node.crt'), join(directory, 'crl.pem'), '/var/lib/mco-deploy/crl.pem'],
    });
  });

  test('is what the options say; a configuration is only needed without them', async () => {
    const config = join(temporaryDirectory(), 'none.yaml');
    assert.deepEqual(await locateAudit({ config, file: '/a', ca: '/b' }), { file: '/a', ca: '/b', issuers: [] });
    const { file, ca } = await locateAudit({ config, file: '/a' });
    assert.deepEqual([file, ca], ['/a', undefined]);
    const unread = {
      code: 'unreadable-file',
      message: /none\.yaml cannot be read: no such file/,
      hint: 'run it on a node, or give --file LOG and --ca FILE',
    };
    await assert.rejects(locateAudit({ config }), unread);
    await assert.rejects(locateAudit({ config, ca: '/b' }), unread);
  });

  test('has the files of the log, and is refused without any', async () => {
    const directory = join(temporaryDirectory(), 'log');
    mkdirSync(directory);
    const file = join(directory, 'audit.jsonl');
    await assert.rejects(findAuditFiles(file), { code: 'unreadable-file', hint: 'give --file LOG' });
    writeFileSync(file, '');
    assert.deepEqual(await findAuditFiles(file), [{ path: file, first: undefined }]);
  });
});

describe('the trace of a run', () => {
  const begin = Date.parse('2026-03-01T12:00:00Z');
  const entry = (name: string, sequence: number, at: number, more: object = {}, outcome?: object): AuditEntry =>
    ({
      intent: {
        ...{
          node: name,
          sequence,
          time: new Date(begin + at).toISOString(),
          request_time: begin,
          step: 'update',
          try: 1,
        },
        ...{ agent: 'appmgr', action: 'upgrade', dry_run: false, arguments: { revision: '20' }, caller: 'cert=rip' },
        ...more,
      },
      ...(outcome === undefined ? {} : { outcome }),
    }) as unknown as AuditEntry;
  const ok = { outcome: 'ok', code: '' };
  const trace = (more: Partial<Trace> = {}): Trace => ({
    ...{ run: 'a', journal: true, entries: [], offsets: new Map(), findings: [], unrecorded: [], unasked: [] },
    ...more,
  });

  test('is in the order of the caller’s clock: each node’s clock may be ahead of it', () => {
    const [a, b] = [entry('a', 5, 5000), entry('b', 2, 1000)];
    const offsets = new Map([['a', 4500]]);
    assert.deepEqual(orderEntries([b, a], offsets), [a, b]);
    assert.deepEqual(orderEntries([a, b], new Map()), [b, a]);
    const same = [entry('a', 1, 0), entry('a', 2, 0), entry('b', 1, 0)];
    assert.deepEqual(orderEntries(same.toReversed(), new Map()), same);
    assert.deepEqual([offsetOf([a, b]), offsetOf([]), offsetOf([entry('a', 1, -50)])], [1000, 0, -50]);
  });

  test('has a line for each request, the clocks, and whether the journal agrees', () => {
    const entries = [
      entry('a', 1, 500, {}, ok),
      entry('b', 1, 0, { dry_run: true, try: 2 }, { outcome: 'refused', code: 'policy-denied' }),
      entry('b\u001b', 2, 0),
    ];
    const offsets = new Map([
      ['b', -20],
      ['a', 500],
      ['unused', 7],
    ]);
    const call = 'appmgr.upgrade {"revision":"20"} by cert=rip';
    assert.deepEqual(renderTrace(trace({ entries, offsets })), [
      `2026-03-01T12:00:00.000Z a update try 1 ${call}: ok`,
      `2026-03-01T12:00:00.020Z b update try 2 dry run ${call}: refused (policy-denied)`,
      `2026-03-01T12:00:00.000Z "b\\u001b" update try 1 ${call}: unknown`,
      "clocks against the caller's, at most: a +500 ms, b -20 ms",
      '3 requests on 3 nodes: every signature is valid, and the journal agrees',
    ]);
    assert.equal(
      renderTrace(trace({ entries: entries.slice(0, 1), journal: false })).at(-1),
      '1 request on 1 node: every signature is valid (this machine has no journal of the run to compare)',
    );
  });

  test('names what does not agree, was not recorded or not asked', () => {
    const finding = (code: string) => ({ node: 'a', code, message: 'it says so' });
    const all = {
      findings: [finding('edited')],
      unrecorded: [finding('refused-unrecorded')],
      unasked: [finding('unreachable')],
    };
    assert.deepEqual(renderTrace(trace(all)), [
      'NOT ASKED a: unreachable: it says so',
      'NOT RECORDED a: refused-unrecorded: it says so',
      'DISAGREES a: edited: it says so',
      '0 requests on 0 nodes: 1 disagreement',
    ]);
    const two = trace({ findings: [finding('edited'), finding('no-record')] });
    assert.equal(renderTrace(two).at(-1), '0 requests on 0 nodes: 2 disagreements');
    const offsets = new Map([
      ['b', 1],
      ['a', 2],
    ]);
    const { requests, clock_offsets_ms, ...json } = traceJson(
      trace({ ...all, offsets, entries: [entry('a', 1, 2, {}, ok)] }),
    ) as {
      requests: { at: string }[];
      clock_offsets_ms: object;
    };
    assert.deepEqual(json, { run: 'a', journal: true, agrees: false, ...all });
    assert.deepEqual([requests[0]?.at, Object.keys(clock_offsets_ms)], ['2026-03-01T12:00:00.000Z', ['a', 'b']]);
    assert.equal((traceJson(trace()) as { agrees: boolean }).agrees, true);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderPage } from '../../../../src/client/runs/report/page.ts';
import { incidentToJson } from '../../../../src/client/runs/report/json.ts';
import { readIncident } from '../../../../src/client/runs/report/read/incident.ts';
import { findDeployments, incompleteRuns } from '../../../../src/client/runs/overview.ts';
import { parseJournal } from '../../../../src/client/runs/read-journal.ts';
import { formatInputs, recordRun } from '../../../../src/client/runs/record.ts';
import { journalForm } from '../../../../src/playbook/journal/form.ts';
import { readHistory } from '../../../../src/playbook/journal/history.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';

const runId = 'a'.repeat(32);
const failed = [{ node: 'web2', code: 'no-space', reason: 'it is full' }];
const asked = { step: 'update', requestId: 'r1', try: 1 };
const called = { ...asked, batch: 1, agent: 'appmgr', action: 'upgrade', dryRun: false, changes: true };
const replied = { ...asked, status: 0, code: '', message: '' };

/** An entry of each type. */
const entries: readonly { readonly [field: string]: unknown; readonly type: JournalEntry['type'] }[] = [
  { type: 'process', host: 'elsewhere', boot: 'b', pid: 12, start: '1' },
  {
    ...{ type: 'run-started', playbook: 'app', label: 'x', file: 'app', operator: 'rip', dryRun: false },
    ...{ inputs: { cluster: 'bravo' }, origin: 'app', time: '2026-11-30T00:00:00Z', digest: '' },
  },
  { type: 'journal-stored', lease: 'app/bravo', holders: ['dev1'] },
  { type: 'playbook', tree: { name: 'app', text: 'name: app', used: { other: { name: 'o', text: '', used: {} } } } },
  { type: 'nodes-found', sets: { all: ['web1', 'web2'] }, prefix: '' },
  { type: 'step-started', step: 'update', needs: [], name: 'u', title: 't', kind: 'call', afterFailure: false },
  { type: 'call', ...called, input: { cluster: 'bravo' }, nodes: ['web1', 'web2'], undoes: '' },
  { type: 'outcome', ...replied, node: 'web1', outcome: 'ok', data: { release: '20', before: '10' }, auditHead: '' },
  { type: 'verdict', step: 'update', requestId: 'r1', failed },
  { type: 'step-finished', step: 'update', state: 'failed', failed, untouched: ['web3'] },
  { type: 'run-resumed', operator: 'rip' },
  {
    ...{ type: 'run-finished', state: 'failed', interruption: 'Ctrl-C', untouched: ['web3'], next: 'x', elapsed: 1 },
    failure: { step: 'update', reasons: failed, cause: { name: 'u', title: 't', reasons: failed } },
  },
];

/** All that reads a journal. */
async function readAll(text: string): Promise<readonly number[]> {
  const { entries: read, torn } = parseJournal(text);
  readHistory(read).callOf('update', { agent: 'appmgr', action: 'upgrade', dryRun: false, input: {} });
  findDeployments([read]);
  const record = await recordRun(read);
  if (record === undefined) return torn;
  formatInputs(record.inputs);
  incompleteRuns([record]);
  const incident = readIncident(record, read);
  renderPage(incident);
  incidentToJson(incident);
  return torn;
}

const textOf = (all: readonly object[]) =>
  all.map((entry) => `${JSON.stringify({ at: 1_800_000_000_000, runId, ...entry })}\n`).join('');

describe('a journal that was edited', () => {
  test('is read whole as it was written', async () => {
    assert.deepEqual(await readAll(textOf(entries)), []);
  });

  for (const [index, entry] of entries.entries()) {
    test(`can be read, whatever a field of “${entry.type}” is; a wrong one damages its line alone`, async () => {
      for (const field of ['at', ...Object.keys(entry).filter((name) => name !== 'type')]) {
        for (const value of [undefined, null, 'x', 5, 1e300, true, [], [null], {}, { x: null }]) {
          const edited = entries.with(index, { ...entry, [field]: value });
          const torn = await readAll(textOf(edited)).catch((error: unknown) => {
            throw new Error(`${field} = ${JSON.stringify(value)}`, { cause: error });
          });
          assert.ok(
            torn.every((line) => line === index + 1),
            `${field}: ${torn.join()}`,
          );
          if (value === null) assert.deepEqual(torn, [index + 1], field);
        }
      }
    });
  }

  test('by a newer program has entries without a meaning, and no damaged lines', async () => {
    assert.deepEqual(await readAll(textOf([...entries, { type: 'run-paused', until: 5 }])), []);
  });

  test('in a form that only a newer program reads is refused, also if it was resumed by that alone', async () => {
    const process = { ...entries[0], form: journalForm };
    assert.deepEqual(await readAll(textOf([process, ...entries])), []);
    const newer = { type: 'process', form: journalForm + 1, where: ['all', 'is', 'other'] };
    for (const all of [[newer], [...entries, newer], [...entries, newer, { type: 'step', ended: true }]]) {
      await assert.rejects(readAll(textOf(all)), {
        code: 'newer-journal',
        message: /^a newer mco-deploy wrote the journal of this run \(form \d+; this program reads form \d+\)$/,
        hint: 'use that version, or a later one, for this run',
      });
    }
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareJournals } from '../../../../../src/client/runs/fleet/compare.ts';
import type { VerifiedJournal } from '../../../../../src/core/journal/verify.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { entryOf } from '../../../../support/runs/journal-lines.ts';

const entry = (type: string, fields: object = {}) => ({ ...entryOf(type), ...fields }) as unknown as JournalEntry;
const [started, call, outcome] = [entry('run-started'), entry('call'), entry('outcome')];
/** A call that renews a lease: nodes do not store it. */
const renewal = entry('call', { step: '', agent: 'lock', action: 'renew', requestId: '9' });

const on = { lease: 'app/bravo', holders: ['dev1'] };
const lines = [{ text: 'x', signature: 'y' }];
const stored = (...entries: JournalEntry[]) => ({ stored: on, lines, entries }) as unknown as VerifiedJournal;

describe('the journal of a run on this host, beside the one on nodes', () => {
  test('counts alone if no node has one: nodes lack all of it that they store', () => {
    const local = [started, renewal, call];
    assert.deepEqual(compareJournals(local, undefined), {
      ...{ entries: local, isElsewhere: false, lost: 0 },
      history: { stored: undefined, backlog: [started, call] },
    });
    for (const none of [undefined, stored()]) assert.deepEqual(compareJournals(undefined, none).entries, []);
  });

  test('is missing: the one on nodes counts', () => {
    assert.deepEqual(compareJournals(undefined, stored(started, call)), {
      ...{ entries: [started, call], isElsewhere: true, lost: 0 },
      history: { stored: { on, lines }, backlog: [] },
    });
  });

  test('counts if it is the same or longer: nodes lack the rest', () => {
    for (const [local, backlog] of [
      [[started, call], []],
      [[started, renewal, call], []],
      [[started, renewal, call, outcome], [outcome]],
    ] as const) {
      assert.deepEqual(compareJournals(local, stored(started, call)), {
        ...{ entries: local, isElsewhere: false, lost: 0 },
        history: { stored: { on, lines }, backlog },
      });
    }
  });

  test('is replaced by a longer one on nodes', () => {
    const found = compareJournals([started, renewal], stored(started, call));
    assert.deepEqual([found.entries, found.isElsewhere, found.lost], [[started, call], true, 0]);
    assert.deepEqual(found.history, { stored: { on, lines }, backlog: [] });
  });

  test('is replaced where it differs from the one on nodes, and its own last entries are counted as lost', () => {
    for (const [local, lost] of [
      [[started, outcome], 1],
      [[started, renewal, outcome, call], 2],
      [[outcome], 1],
    ] as const) {
      const found = compareJournals(local, stored(started, call));
      assert.deepEqual([found.entries, found.isElsewhere, found.lost], [[started, call], true, lost]);
    }
  });
});

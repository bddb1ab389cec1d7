/** Compares a run's journal on this host with the one that nodes store. Pure. */
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { entriesOf } from './fetch-run.ts';
import type { StoredHistory } from '../../../library/runs/fleet/journaling.ts';
import { startKeeping } from '../../../library/runs/fleet/kept-entries.ts';

export interface ComparedJournal {
  /** The run's history, from the longer journal. */
  readonly entries: readonly JournalEntry[];
  /** True if it must replace the file on this host. */
  readonly isElsewhere: boolean;
  /** Entries on this host that are not part of it: the last ones here never reached the nodes. */
  readonly lost: number;
  readonly history: StoredHistory;
}

/** @param local undefined if this host has none @param stored undefined if no node has one */
export function compareJournals(
  local: readonly JournalEntry[] | undefined,
  stored: VerifiedJournal | undefined,
): ComparedJournal {
  const isKept = startKeeping();
  const own = (local ?? []).filter(isKept);
  if (stored === undefined) {
    return { entries: local ?? [], isElsewhere: false, lost: 0, history: { stored: undefined, backlog: own } };
  }
  const theirs = entriesOf(stored);
  const texts = theirs.map((entry) => JSON.stringify(entry));
  const same = own.findIndex((entry, index) => JSON.stringify(entry) !== texts[index]);
  const common = same < 0 ? own.length : same;
  const on = { on: stored.stored, lines: stored.lines };
  if (common >= theirs.length) {
    return { entries: local ?? [], isElsewhere: false, lost: 0, history: { stored: on, backlog: own.slice(common) } };
  }
  return { entries: theirs, isElsewhere: true, lost: own.length - common, history: { stored: on, backlog: [] } };
}

/** Holds a run's journal on this host against the one that nodes store. Pure. */
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { entriesOf } from './fetch-run.ts';
import type { StoredHistory } from '../../../library/runs/fleet/journaling.ts';
import { startKeeping } from '../../../library/runs/fleet/kept-entries.ts';

export interface ComparedJournal {
  /** What the run did, by the journal that has more of it. */
  readonly entries: readonly JournalEntry[];
  /** True where the file on this host must be replaced by it. */
  readonly isElsewhere: boolean;
  /** Entries on this host that are not part of it: what was written here last never came to the nodes. */
  readonly lost: number;
  readonly past: StoredHistory;
}

/** @param local undefined where this host has none @param stored undefined where no node has one */
export function compareJournals(
  local: readonly JournalEntry[] | undefined,
  stored: VerifiedJournal | undefined,
): ComparedJournal {
  const isKept = startKeeping();
  const own = (local ?? []).filter(isKept);
  if (stored === undefined) {
    return { entries: local ?? [], isElsewhere: false, lost: 0, past: { stored: undefined, backlog: own } };
  }
  const theirs = entriesOf(stored);
  const texts = theirs.map((entry) => JSON.stringify(entry));
  const same = own.findIndex((entry, index) => JSON.stringify(entry) !== texts[index]);
  const common = same < 0 ? own.length : same;
  const on = { on: stored.stored, lines: stored.lines };
  if (common >= theirs.length) {
    return { entries: local ?? [], isElsewhere: false, lost: 0, past: { stored: on, backlog: own.slice(common) } };
  }
  return { entries: theirs, isElsewhere: true, lost: own.length - common, past: { stored: on, backlog: [] } };
}

import type { Trust } from '../../../core/credentials/proof.ts';
import { Problem } from '../../../core/errors.ts';
import type { JournalLine } from '../../../core/journal/line.ts';
import { type VerifiedJournal, verifyJournal } from '../../../core/journal/verify.ts';
import { isEntry } from '../../../playbook/journal/check-entry.ts';
import { requireKnownForm } from '../../../playbook/journal/form.ts';

/** Checks a journal from a node, and that each line has an entry of a run: an operator can sign any. @throws Problem `newer-journal`, as verifyJournal */
export function proveJournal(run: string, lines: readonly JournalLine[], trust: Trust): VerifiedJournal {
  const journal = verifyJournal(run, lines, trust);
  requireKnownForm(journal.entries);
  const wrong = journal.entries.findIndex((entry) => !isEntry(entry));
  if (wrong < 0) return journal;
  throw new Problem('bad-journal', `line ${wrong + 1} of the journal is not what a run writes`);
}

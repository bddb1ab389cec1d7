import { Problem } from '../../../core/errors.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import type { CliContext } from '../../cli/context.ts';
import { listJournals, readJournal } from '../../runs/read-journal.ts';
import { type RunRecord, recordRun } from '../../runs/record.ts';

/** How many of the latest journals are looked at. */
const most = 100;

/** The latest runs from here, the newest first; a journal that can’t be read is left out. */
export async function readRuns(
  stateDirectory: string,
  { err }: CliContext,
): Promise<{ records: RunRecord[]; journals: JournalEntry[][] }> {
  const records: RunRecord[] = [];
  const journals: JournalEntry[][] = [];
  for (const id of await listJournals(stateDirectory, most)) {
    try {
      const entries = (await readJournal(stateDirectory, id, () => {})) ?? [];
      const record = await recordRun(entries);
      if (record === undefined) continue;
      records.push(record);
      journals.push(entries);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      err(`warning: ${error.message}`);
    }
  }
  return { records, journals };
}

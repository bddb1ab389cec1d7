import { Problem } from '../../../core/errors.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import type { CliContext } from '../../cli/context.ts';
import { compareJournals } from '../../runs/fleet/compare.ts';
import type { FleetRun } from '../../runs/fleet/fleet-runs.ts';
import { listJournals, readJournal } from '../../runs/read-journal.ts';
import { type RunRecord, recordRun } from '../../runs/record.ts';

/** How many of the latest journals are read. */
const most = 100;

export interface RecentRuns {
  readonly records: readonly RunRecord[];
  readonly journals: readonly (readonly JournalEntry[])[];
}

/**
 * The latest runs of this host and those that nodes store, the newest first; an unreadable journal is skipped.
 * @param stored of a run that both have, the longer journal counts
 */
export async function readRuns(
  stateDirectory: string,
  stored: readonly FleetRun[],
  { err }: CliContext,
): Promise<RecentRuns> {
  const found: { readonly record: RunRecord; readonly entries: readonly JournalEntry[] }[] = [];
  const rest = new Map(stored.map((one) => [one.run, one]));
  const add = async (local: readonly JournalEntry[] | undefined, other: FleetRun | undefined) => {
    const { entries, isElsewhere } = compareJournals(local, other?.journal);
    const record = await recordRun(entries, isElsewhere ? other?.isHeld : undefined);
    if (record !== undefined) found.push({ record, entries });
  };
  for (const id of await listJournals(stateDirectory, most)) {
    try {
      await add((await readJournal(stateDirectory, id, () => {})) ?? [], rest.get(id));
      rest.delete(id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      err(`warning: ${error.message}`);
    }
  }
  for (const one of rest.values()) await add(undefined, one);
  const sorted = found.sort((a, b) => b.record.last - a.record.last);
  return { records: sorted.map(({ record }) => record), journals: sorted.map(({ entries }) => entries) };
}

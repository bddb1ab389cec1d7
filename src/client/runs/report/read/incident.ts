/** Everything that the page shows of a run, from its journal. */
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import type { RunRecord } from '../../record.ts';
import { type Attempt, readAttempts } from './attempts.ts';
import { type RunEffect, replayJournal } from './replay.ts';
import type { StepSpan } from './timeline.ts';

export interface Incident {
  readonly record: RunRecord;
  /** The subject of the run, such as a cluster; empty in journals without it. */
  readonly label: string;
  readonly attempts: readonly Attempt[];
  /** How the last attempt ended; undefined if that was not recorded. */
  readonly end: Attempt['finished'];
  readonly effect: RunEffect;
  /** Milliseconds, of all attempts. */
  readonly elapsed: number;
  /** The last step that began. */
  readonly lastStep: StepSpan | undefined;
}

export function readIncident(record: RunRecord, entries: readonly JournalEntry[]): Incident {
  const attempts = readAttempts(entries);
  const started = entries.find((entry) => entry.type === 'run-started');
  const took = attempts.map(({ finished, begin, end }) => finished?.elapsed ?? end - begin);
  return {
    record,
    label: started?.label ?? '',
    attempts,
    end: attempts.at(-1)?.finished,
    effect: replayJournal(entries),
    elapsed: took.reduce((sum, one) => sum + one, 0),
    lastStep: attempts.at(-1)?.steps.at(-1),
  };
}

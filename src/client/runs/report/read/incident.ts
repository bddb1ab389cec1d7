/** All that the page shows of a run, out of its journal. */
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import type { RunRecord } from '../../record.ts';
import { type Attempt, readAttempts } from './attempts.ts';
import { type RunEffect, replayJournal } from './replay.ts';
import type { StepSpan } from './timeline.ts';

export interface Incident {
  readonly record: RunRecord;
  /** What the run was about, such as a cluster; empty in journals that do not hold it. */
  readonly label: string;
  readonly attempts: readonly Attempt[];
  /** How the last attempt ended; undefined where that was not written down. */
  readonly end: Attempt['finished'];
  readonly effect: RunEffect;
  /** Milliseconds, of all attempts. */
  readonly elapsed: number;
  /** The last step that was begun. */
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

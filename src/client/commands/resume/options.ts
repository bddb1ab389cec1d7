import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import type { RunPlaybookOptions } from '../../runs/run-with-nodes.ts';

export interface ResumeOptions extends RunPlaybookOptions {
  readonly force?: boolean;
  /** Even if a later run has changed the same hosts. */
  readonly superseded?: boolean;
  /** The file of the playbook, if it has moved since the run started. */
  readonly playbook?: string;
}

/** The first entry of a run. */
export type Started = Extract<JournalEntry, { type: 'run-started' }>;

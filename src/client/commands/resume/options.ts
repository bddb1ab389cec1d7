import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import type { RunPlaybookOptions } from '../../runs/run-playbook.ts';

export interface ResumeOptions extends RunPlaybookOptions {
  readonly force?: boolean;
  /** The file of the playbook, where it is not where the run started. */
  readonly playbook?: string;
}

/** How a run began. */
export type Started = Extract<JournalEntry, { type: 'run-started' }>;

/** The attempts of a run: its first, and one each time that it was resumed. */
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import { readTimeline, type Timeline } from './timeline.ts';

type Finished = Extract<JournalEntry, { type: 'run-finished' }>;

export interface Attempt extends Timeline {
  /** From 1. */
  readonly number: number;
  readonly operator: string;
  /** How it ended; undefined if its end was not recorded. */
  readonly finished: Finished | undefined;
}

export function readAttempts(entries: readonly JournalEntry[]): Attempt[] {
  const parts: JournalEntry[][] = [];
  for (const entry of entries) {
    if (entry.type === 'run-started' || entry.type === 'run-resumed') parts.push([]);
    // Before a run begins, its journal names the process that runs it.
    if (entry.type !== 'process') parts.at(-1)?.push(entry);
  }
  return parts.map((part, index) => {
    const [first] = part;
    const operator = first?.type === 'run-started' || first?.type === 'run-resumed' ? first.operator : '';
    const finished = part.find((entry) => entry.type === 'run-finished');
    return { number: index + 1, operator, finished, ...readTimeline(part) };
  });
}

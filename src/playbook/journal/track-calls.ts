import { notifier } from '../call/notifier.ts';
import type { RunTracker } from '../events/tracker.ts';
import type { JournalEntry } from './entries.ts';

/** Shows a tracker the calls of a journal: what a run did to nodes and traffic before it is resumed, or read. */
export function trackCalls(
  entries: readonly JournalEntry[],
  { see, noteUntouched }: Pick<RunTracker, 'see' | 'noteUntouched'>,
): void {
  const calls = new Map<string, Extract<JournalEntry, { type: 'call' }>>();
  for (const entry of entries) {
    if (entry.type === 'step-finished' || entry.type === 'run-finished') noteUntouched(entry.untouched ?? []);
    // The run's own calls, such as rights and leases, are not steps.
    if ((entry.type !== 'call' && entry.type !== 'outcome') || entry.step === '') continue;
    if (entry.type === 'call') {
      calls.set(entry.requestId, entry);
      const { step, batch, nodes, try: number, agent } = entry;
      const changes = entry.changes && agent !== notifier;
      see({ type: 'try-started', step, batch, batches: batch, try: number, tries: number, nodes, changes });
      continue;
    }
    const call = calls.get(entry.requestId);
    if (call === undefined) continue;
    const title = `${call.agent}#${call.action}`;
    see({ ...entry, type: 'outcome', title, dryRun: call.dryRun, elapsed: 0 });
  }
}

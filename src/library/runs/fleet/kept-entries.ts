/** Selects the entries of a run's journal that nodes store. */
import type { JournalEntry } from '../../../playbook/journal/entries.ts';

/**
 * All except those that keep the run alive without a change: renewals of leases and of the notice of interruption. They
 * come every few seconds, from every node, and a resume does not need them.
 */
export function startKeeping(): (entry: JournalEntry) => boolean {
  const passing = new Set<string>();
  return (entry) => {
    if (entry.type === 'call' && isPassing(entry)) passing.add(entry.requestId);
    return !('requestId' in entry && passing.has(entry.requestId));
  };
}

function isPassing({ step, agent, action }: Extract<JournalEntry, { type: 'call' }>): boolean {
  return step === '' && (agent === 'angelia' || (agent === 'lock' && action !== 'take'));
}

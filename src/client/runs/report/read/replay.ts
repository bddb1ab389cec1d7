/** What a run did to nodes and traffic, over all its attempts, from its journal. */
import type { StepReport } from '../../../../playbook/events/events.ts';
import type { RunState } from '../../../../playbook/events/run-state.ts';
import { startTracker } from '../../../../playbook/events/tracker.ts';
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import { notifier } from '../../../../playbook/call/notifier.ts';

export interface RunEffect extends RunState {
  /** The release that each node served when the run first looked. */
  readonly revisions: ReadonlyMap<string, string>;
  /** Nodes that were called by an action that may have changed them. */
  readonly touched: ReadonlySet<string>;
}

export function replayJournal(entries: readonly JournalEntry[]): RunEffect {
  const tracker = startTracker();
  const calls = new Map<string, Extract<JournalEntry, { type: 'call' }>>();
  const touched = new Set<string>();
  for (const entry of entries) {
    // The run's own calls, such as rights and leases, are not steps.
    if ((entry.type === 'call' || entry.type === 'outcome') && entry.step === '') continue;
    if (entry.type === 'run-started') {
      const { runId, playbook, dryRun, inputs } = entry;
      tracker.see({ type: 'run-started', runId, playbook, label: '', dryRun, inputs });
    }
    if (entry.type === 'call') {
      calls.set(entry.requestId, entry);
      const { step, batch, nodes, try: number } = entry;
      const changes = entry.changes && entry.agent !== notifier;
      if (changes) for (const node of nodes) touched.add(node);
      tracker.see({ type: 'try-started', step, batch, batches: batch, try: number, tries: number, nodes, changes });
    }
    if (entry.type === 'outcome') {
      const call = calls.get(entry.requestId);
      if (call === undefined) continue;
      const title = `${call.agent}#${call.action}`;
      tracker.see({ ...entry, type: 'outcome', title, dryRun: call.dryRun, elapsed: 0 });
    }
    if (entry.type === 'step-finished') tracker.see({ type: 'step-finished', label: '', report: reportOf(entry) });
  }
  const state = tracker.state();
  const { revisions } = tracker;
  return { ...state, untouched: untouchedOf(entries, state, revisions, touched), revisions, touched };
}

/** The part of a step's end that the state of the run depends on. */
function reportOf({
  step,
  state,
  untouched = [],
  failed = [],
}: Extract<JournalEntry, { type: 'step-finished' }>): StepReport {
  const nothing = { ok: [], tries: 0, elapsed: 0, lines: [], dryRun: false, internal: false, afterFailure: false };
  return { id: step, name: step, title: '', kind: 'call', state, failed, untouched, ...nothing };
}

/** If the end of a run was not recorded: the nodes that it had read and not changed. */
function untouchedOf(
  entries: readonly JournalEntry[],
  { untouched }: RunState,
  revisions: ReadonlyMap<string, string>,
  touched: ReadonlySet<string>,
): readonly string[] {
  const last = entries.findLast(
    ({ type }) => type === 'run-finished' || type === 'run-resumed' || type === 'run-started',
  );
  const known = last?.type === 'run-finished' ? (last.untouched ?? untouched) : [...revisions.keys()];
  return known.filter((node) => !touched.has(node)).sort();
}

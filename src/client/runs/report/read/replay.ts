/** What a run did to nodes and traffic, over all its attempts, from its journal. */
import type { RunState } from '../../../../playbook/events/run-state.ts';
import { startTracker } from '../../../../playbook/events/tracker.ts';
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import { trackCalls } from '../../../../playbook/journal/track-calls.ts';

export interface RunEffect extends RunState {
  /** The release that each node served when the run first looked. */
  readonly revisions: ReadonlyMap<string, string>;
  /** Nodes that were called by an action that may have changed them. */
  readonly touched: ReadonlySet<string>;
}

export function replayJournal(entries: readonly JournalEntry[]): RunEffect {
  const tracker = startTracker();
  const touched = new Set<string>();
  const started = entries.find((entry) => entry.type === 'run-started');
  if (started !== undefined) {
    const { runId, playbook, dryRun, inputs } = started;
    tracker.see({ type: 'run-started', runId, playbook, label: '', dryRun, inputs });
  }
  trackCalls(entries, {
    ...tracker,
    see: (event) => {
      if (event.type === 'try-started' && event.changes) for (const node of event.nodes) touched.add(node);
      tracker.see(event);
    },
  });
  const state = tracker.state();
  const { revisions } = tracker;
  return { ...state, untouched: untouchedOf(entries, state, revisions, touched), revisions, touched };
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

/** What servers served before a run, as its journal has it. */
import type { JournalEntry } from '../../../playbook/journal.ts';

/** By node: the revision that served before the run first upgraded it; empty where the journal does not tell. */
export function revisionsBefore(entries: readonly JournalEntry[]): Map<string, string> {
  const before = new Map<string, string>();
  const seen = new Map<string, string>();
  const upgrades = new Set<string>();
  const looks = new Set<string>();
  for (const entry of entries) {
    if (entry.type === 'call' && entry.agent === 'appmgr') {
      if (entry.action === 'status') looks.add(entry.requestId);
      if (entry.action !== 'upgrade' || entry.dryRun) continue;
      upgrades.add(entry.requestId);
      for (const node of entry.nodes) if (!before.has(node)) before.set(node, seen.get(node) ?? '');
    }
    if (entry.type !== 'outcome' || entry.outcome !== 'ok') continue;
    const { node, data } = entry;
    if (looks.has(entry.requestId) && !before.has(node) && typeof data.revision === 'string') {
      seen.set(node, data.revision);
    }
    // Where nobody looked, the upgrade itself told.
    if (upgrades.has(entry.requestId) && before.get(node) === '' && typeof data.previous === 'string') {
      before.set(node, data.previous);
    }
  }
  return before;
}

/** The revisions that the run upgraded servers to. */
export function revisionsBrought(entries: readonly JournalEntry[]): string[] {
  const brought = entries.flatMap((entry) =>
    entry.type === 'call' && entry.agent === 'appmgr' && entry.action === 'upgrade' && !entry.dryRun
      ? [String(entry.input.revision)]
      : [],
  );
  return [...new Set(brought)];
}

/** Whether the run is one that upgraded servers of that cluster. */
export function upgraded(entries: readonly JournalEntry[], cluster: string): boolean {
  const started = entries.find((entry) => entry.type === 'run-started');
  return started?.inputs.cluster === cluster && !started.dryRun && revisionsBefore(entries).size > 0;
}

/** The releases of servers before a run, from its journal. */
import { comparableText } from '../../core/filter/literal.ts';
import { notifier } from '../../playbook/call/notifier.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';

/**
 * By node: the revision that served before the run first changed anything; empty if the journal does not have it. Also
 * of servers that the run did not reach: it may have taken them out of traffic.
 */
export function revisionsBefore(entries: readonly JournalEntry[]): Map<string, string> {
  const calls = entries.filter((entry) => entry.type === 'call').filter(({ step }) => step !== '');
  // A run that found nothing to upgrade still notifies.
  const firstChange = calls.findIndex(({ changes, agent }) => changes && agent !== notifier);
  if (firstChange < 0) return new Map();
  const looks = calls.slice(0, firstChange).filter(({ agent, action }) => agent === 'appmgr' && action === 'status');
  const before = new Map<string, string>();
  for (const { node, data } of outcomesOf(looks, entries)) {
    if (typeof data.revision === 'string') before.set(node, data.revision);
  }
  const upgrades = calls.filter(isUpgrade);
  for (const node of upgrades.flatMap(({ nodes }) => nodes)) if (!before.has(node)) before.set(node, '');
  // If nobody looked before, the upgrade itself reported it.
  for (const { node, data } of outcomesOf(upgrades, entries)) {
    if (before.get(node) === '' && typeof data.previous === 'string') before.set(node, data.previous);
  }
  return before;
}

type Recorded<Type extends JournalEntry['type']> = Extract<JournalEntry, { type: Type }>;

/** The successful outcomes of these calls. */
function outcomesOf(calls: readonly Recorded<'call'>[], entries: readonly JournalEntry[]): Recorded<'outcome'>[] {
  const ids = new Set(calls.map(({ requestId }) => requestId));
  return entries
    .filter((entry) => entry.type === 'outcome')
    .filter(({ requestId, outcome }) => ids.has(requestId) && outcome === 'ok');
}

function isUpgrade({ agent, action, dryRun }: Recorded<'call'>): boolean {
  return agent === 'appmgr' && (action === 'upgrade' || action === 'rollback') && !dryRun;
}

/** The revisions that the run upgraded servers to. */
export function revisionsBrought(entries: readonly JournalEntry[]): string[] {
  const brought = entries.flatMap((entry) =>
    entry.type === 'call' && isUpgrade(entry) ? [String(entry.input.revision)] : [],
  );
  return [...new Set(brought)];
}

/** Whether the run upgraded servers of that cluster, and that application if both have named one. */
export function upgraded(entries: readonly JournalEntry[], cluster: string, application?: string): boolean {
  const started = entries.find((entry) => entry.type === 'run-started');
  if (started === undefined || started.dryRun) return false;
  if (comparableText(String(started.inputs.cluster)) !== comparableText(cluster)) return false;
  const other = started.inputs.application ?? application;
  if (application !== undefined && other !== application) return false;
  return revisionsBefore(entries).size > 0;
}

/** The inputs of the run that also apply to its undoing; omitted inputs are not included. */
export function inputsKept(entries: readonly JournalEntry[]): Readonly<Record<string, unknown>> {
  const inputs = entries.find((entry) => entry.type === 'run-started')?.inputs ?? {};
  const kept = ['application', 'backend', 'checks', 'min_available'].map((name) => [name, inputs[name]] as const);
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined && value !== null));
}

/** The load balancers that the run called. */
export function balancersCalled(entries: readonly JournalEntry[]): string[] {
  const nodes = entries.flatMap((entry) => (entry.type === 'call' && entry.agent === 'haproxy' ? entry.nodes : []));
  return [...new Set(nodes)].sort();
}

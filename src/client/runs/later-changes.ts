/** Which later runs changed the hosts of a run, so that continuing it would undo them. Pure. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import { findDdl } from '../../library/fleet/agents.ts';
import { notifier } from '../../playbook/call/notifier.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';

export interface LaterRun {
  readonly run: string;
  readonly playbook: string;
  readonly operator: string;
  readonly inputs: JsonObject;
  /** The hosts of the earlier run that it changed, sorted. */
  readonly hosts: readonly string[];
  /** Milliseconds since the epoch of its last change of them. */
  readonly at: number;
}

/** The start of a run, or the last time that it was resumed: what was changed until then was known to its operator. */
export function begunAt(entries: readonly JournalEntry[]): number {
  return entries.findLast(({ type }) => type === 'run-started' || type === 'run-resumed')?.at ?? 0;
}

/** @param journals of all runs; of each, also several copies. @returns the run that changed a host last comes first */
export function findLater(
  entries: readonly JournalEntry[],
  journals: readonly (readonly JournalEntry[])[],
  catalogue: readonly Ddl[],
): LaterRun[] {
  const since = begunAt(entries);
  const concerned = new Set([...nodesOf(entries), ...changedHosts(entries, 0, catalogue).keys()]);
  const self = entries[0]?.runId;
  const later = new Map<string, LaterRun>();
  for (const other of journals) {
    const started = other.find((entry) => entry.type === 'run-started');
    if (started === undefined || started.dryRun || started.runId === self) continue;
    const changed = [...changedHosts(other, since, catalogue)].filter(([host]) => concerned.has(host));
    if (changed.length === 0) continue;
    const { runId: run, playbook, operator, inputs } = started;
    const hosts = changed.map(([host]) => host).sort();
    const at = Math.max(...changed.map(([, moment]) => moment));
    if (at > (later.get(run)?.at ?? 0)) later.set(run, { run, playbook, operator, inputs, hosts, at });
  }
  return [...later.values()].sort((a, b) => b.at - a.at);
}

/** All nodes that a run found: a resume may change any of them. */
export function nodesOf(entries: readonly JournalEntry[]): Set<string> {
  return new Set(entries.flatMap((entry) => (entry.type === 'nodes-found' ? Object.values(entry.sets).flat() : [])));
}

/**
 * The hosts that a run changed after a moment, and when it last did. A load balancer that takes a host out or in has
 * changed that host: several clusters share it. A call that was refused changed nothing.
 */
function changedHosts(
  entries: readonly JournalEntry[],
  since: number,
  catalogue: readonly Ddl[],
): ReadonlyMap<string, number> {
  const refused = new Set(
    entries.flatMap((entry) =>
      entry.type === 'outcome' && entry.outcome === 'refused' ? [`${entry.requestId} ${entry.node}`] : [],
    ),
  );
  const changed = new Map<string, number>();
  for (const entry of entries) {
    if (entry.type !== 'call' || !entry.changes || entry.dryRun || entry.at <= since) continue;
    if (entry.step === '' || entry.agent === notifier) continue;
    const nodes = entry.nodes.filter((node) => !refused.has(`${entry.requestId} ${node}`));
    const hosts = nodes.length === 0 ? [] : (servedHosts(entry, catalogue) ?? nodes);
    for (const host of hosts) changed.set(host, entry.at);
  }
  return changed;
}

/** The hosts that a load balancer’s agent was asked about; undefined for another agent, or if none is named. */
function servedHosts(
  { agent, input }: Extract<JournalEntry, { type: 'call' }>,
  catalogue: readonly Ddl[],
): readonly string[] | undefined {
  const actions = Object.values(findDdl(catalogue, agent)?.actions ?? {});
  const name = actions.find(({ traffic }) => traffic !== undefined)?.traffic?.hosts;
  const hosts = name === undefined ? undefined : input[name];
  return typeof hosts === 'string' && hosts !== '' ? hosts.split(',') : undefined;
}

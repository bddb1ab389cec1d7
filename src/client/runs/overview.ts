/** What runs where, from nodes, load balancers and journals. Pure. */
import { comparableText } from '../../core/filter/literal.ts';
import { notifier } from '../../playbook/call/notifier.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';
import type { RunRecord } from './record.ts';

export interface Deployed {
  readonly cluster: string;
  readonly node: string;
  readonly application: string;
  readonly release: string;
  readonly healthy: boolean;
  /** Undefined if no load balancer knows it by its name. */
  readonly inTraffic: boolean | undefined;
  /** The operator who deployed the release: by the node, else by the journals of this host. */
  readonly broughtBy: DeployedBy | undefined;
}

export interface DeployedBy {
  /** Empty if a call belonged to no run. */
  readonly run: string;
  readonly operator: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface MixedCluster {
  readonly cluster: string;
  readonly releases: readonly { readonly release: string; readonly nodes: readonly string[] }[];
}

/** The clusters whose nodes serve different releases of one application. */
export function mixedClusters(deployed: readonly Deployed[]): MixedCluster[] {
  const clusters = Map.groupBy(deployed, ({ cluster, application }) => `${cluster}\0${application}`);
  return [...clusters.values()].flatMap((nodes) => {
    const releases = [...Map.groupBy(nodes, ({ release }) => release)]
      .map(([release, some]) => ({ release, nodes: some.map(({ node }) => node).sort() }))
      .sort((a, b) => (a.release < b.release ? -1 : 1));
    return releases.length < 2 ? [] : [{ cluster: nodes[0]?.cluster ?? '', releases }];
  });
}

/**
 * Runs that did not complete, and that no later run for the same cluster completed. One that only looked has completed
 * nothing but its own playbook. @param records the newest first
 */
export function incompleteRuns(records: readonly RunRecord[]): RunRecord[] {
  const settled = new Set<string>();
  return records.filter((record) => {
    const { playbook, inputs, state, steps, dryRun } = record;
    const cluster = inputs.cluster == null ? undefined : comparableText(String(inputs.cluster));
    const key = JSON.stringify(cluster ?? [playbook, inputs]);
    const keyOfPlaybook = JSON.stringify([key, playbook]);
    const isOver = ['done', 'nothing-to-do', 'running'].includes(state);
    if (dryRun || settled.has(key) || settled.has(keyOfPlaybook)) return false;
    const hasChanged = steps.some(({ calls }) => calls.some(isChange));
    if (isOver) settled.add(hasChanged ? key : keyOfPlaybook);
    return !isOver && hasChanged;
  });
}

/** A notification changes nothing that a resume would continue. */
function isChange({ agent, changes, dryRun }: RunRecord['steps'][number]['calls'][number]): boolean {
  return changes && !dryRun && agent !== notifier;
}

/** By node and release: the run that deployed it. @param journals the newest first */
export function findDeployments(journals: readonly (readonly JournalEntry[])[]): Map<string, DeployedBy> {
  const found = new Map<string, DeployedBy>();
  for (const entries of journals) {
    const started = entries.find((entry) => entry.type === 'run-started');
    if (started === undefined || started.dryRun) continue;
    const calls = new Map<string, string>();
    for (const entry of entries) {
      if (entry.type === 'call' && entry.agent === 'appmgr' && !entry.dryRun && isDeploy(entry.action))
        calls.set(entry.requestId, String(entry.input.revision ?? ''));
      if (entry.type !== 'outcome' || entry.outcome !== 'ok' || !calls.has(entry.requestId)) continue;
      const { data, node, at } = entry;
      const key = `${node} ${String(data.revision ?? calls.get(entry.requestId))}`;
      if (!found.has(key)) found.set(key, { run: started.runId, operator: started.operator, at });
    }
  }
  return found;
}

function isDeploy(action: string): boolean {
  return action === 'upgrade' || action === 'rollback';
}

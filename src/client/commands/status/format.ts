import { formatTable } from '../../render/table.ts';
import { ago } from '../../render/times.ts';
import { type Deployed, incompleteRuns, mixedClusters } from '../../runs/overview.ts';
import type { RunRecord } from '../../runs/record.ts';
import { formatOut, type OutServer } from '../../runs/rotation.ts';

export interface Status {
  readonly deployed: readonly Deployed[];
  readonly out: readonly OutServer[];
  /** Whether any load balancer replied. */
  readonly asked: boolean;
  /** The runs from here, the newest first. */
  readonly records: readonly RunRecord[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A table of nodes, then all that is not as it should be. */
export function formatStatus({ deployed, out, asked, records, now }: Status): string[] {
  const rows = deployed.map((one) => [
    one.cluster,
    one.node,
    one.release || '(none)',
    one.healthy ? 'yes' : 'NO',
    one.inTraffic === undefined ? '?' : one.inTraffic ? 'yes' : 'NO',
    one.broughtBy === undefined ? '' : ago(one.broughtBy.at, now),
    one.broughtBy === undefined ? '' : `${one.broughtBy.operator} (${one.broughtBy.run.slice(0, 8)})`,
  ]);
  const headers = ['CLUSTER', 'NODE', 'RELEASE', 'HEALTHY', 'IN TRAFFIC', 'SINCE', 'BY'];
  const mixed = mixedClusters(deployed).map(({ cluster, releases }) => {
    const parts = releases.map(({ release, nodes }) => `${release || '(none)'} on ${nodes.join(', ')}`);
    return `mixed releases in cluster ${cluster}: ${parts.join('; ')}`;
  });
  const incomplete = incompleteRuns(records).map(
    ({ run, state, playbook, began }) =>
      `incomplete run ${run.slice(0, 8)} (${playbook}, ${state}, ${ago(began, now)}); to continue: mco-deploy resume ${run}`,
  );
  return [
    ...(rows.length === 0 ? [] : formatTable(headers, rows)),
    ...(out.length > 0 ? ['out of traffic:', ...out.map((one) => `  ${formatOut(one)}`)] : []),
    ...(out.length === 0 && asked ? ['all servers take traffic'] : []),
    ...mixed,
    ...incomplete,
  ];
}

export function statusJson({ deployed, out, records }: Status) {
  return {
    nodes: deployed.map(({ inTraffic, broughtBy, ...node }) => ({
      ...node,
      in_traffic: inTraffic ?? null,
      since: broughtBy === undefined ? null : new Date(broughtBy.at).toISOString(),
      run: broughtBy?.run ?? null,
      operator: broughtBy?.operator ?? null,
    })),
    out_of_traffic: out,
    mixed: mixedClusters(deployed),
    incomplete_runs: incompleteRuns(records).map(({ steps: _steps, began, last, dryRun, ...run }) => ({
      ...run,
      dry_run: dryRun,
      began: new Date(began).toISOString(),
      last: new Date(last).toISOString(),
    })),
  };
}

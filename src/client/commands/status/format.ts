import type { Paint } from '../../render/color.ts';
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
  /** The runs of this host, the newest first. */
  readonly records: readonly RunRecord[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface StatusOptions {
  readonly paint: Paint;
  readonly wide: boolean;
  /** Cuts a line of the table. What follows it has commands to copy. */
  readonly fit?: (line: string) => string;
}

/** A table of nodes, then everything unusual. */
export function formatStatus({ deployed, out, asked, records, now }: Status, options: StatusOptions): string[] {
  const { paint } = options;
  const warn = (head: string, rest: string) => `${paint('yellow', head)} ${rest}`;
  const mixed = mixedClusters(deployed).map(({ cluster, releases }) => {
    const parts = releases.map(({ release, nodes }) => `${release || '(none)'} on ${nodes.join(', ')}`);
    return warn(`mixed releases in cluster ${cluster}:`, parts.join('; '));
  });
  const incomplete = incompleteRuns(records).map(({ run, state, playbook, began, next }) =>
    warn(
      `incomplete run ${run.slice(0, 8)}`,
      `(${playbook}, ${state}, ${ago(began, now)}); ${next ?? `to continue: mco-deploy resume ${run}`}`,
    ),
  );
  return [
    ...formatNodes(deployed, now, options),
    ...(out.length > 0 ? [paint('red', 'out of traffic:'), ...out.map((one) => `  ${formatOut(one)}`)] : []),
    ...(out.length === 0 && asked ? [paint('green', 'all servers take traffic')] : []),
    ...mixed,
    ...incomplete,
  ];
}

function formatNodes(
  deployed: readonly Deployed[],
  now: number,
  { paint, wide, fit = (line) => line }: StatusOptions,
): string[] {
  if (deployed.length === 0) return [];
  const yes = (value: boolean | undefined) =>
    value === undefined ? '?' : value ? paint('green', 'yes') : paint('red', 'NO');
  const applications = new Set(deployed.map(({ application }) => application));
  const named = wide || applications.size > 1;
  const rows = deployed.map(({ cluster, node, application, release, healthy, inTraffic, broughtBy: by }) => [
    cluster,
    node,
    ...(named ? [application] : []),
    release || '(none)',
    yes(healthy),
    yes(inTraffic),
    by === undefined ? '' : wide ? new Date(by.at).toISOString() : ago(by.at, now),
    by === undefined ? '' : by.operator,
    by === undefined ? '' : wide ? by.run : by.run.slice(0, 8),
  ]);
  const application = named ? ['APPLICATION'] : [];
  const headers = ['CLUSTER', 'NODE', ...application, 'RELEASE', 'HEALTHY', 'IN TRAFFIC', 'SINCE', 'BY', 'RUN'];
  return formatTable(headers, rows).map(fit);
}

export function statusJson({ deployed, out, records }: Status) {
  return {
    nodes: deployed.map(({ inTraffic, broughtBy, ...node }) => ({
      ...node,
      in_traffic: inTraffic ?? null,
      since: broughtBy === undefined ? null : new Date(broughtBy.at).toISOString(),
      run: broughtBy?.run || null,
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

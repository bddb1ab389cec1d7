import type { LocalArtifact } from './artifact.ts';
import { count, printable } from '../../core/text.ts';
import { formatSize } from '../render/sizes.ts';
import type { CliContext } from '../cli/context.ts';
import type { OutputOptions } from '../cli/io/format.ts';
import { printTable } from '../render/table.ts';
import type { Published } from './publish.ts';

export interface Report extends Published {
  readonly application: string;
  readonly revision: string;
  readonly artifact: Pick<LocalArtifact, 'sha256' | 'size'>;
  readonly dryRun: boolean;
}

/** The output of `publish --json`. */
export function publishJson({
  application,
  revision,
  artifact,
  dryRun,
  results,
  others,
  sent,
  elapsed,
}: Report): object {
  return {
    application,
    revision,
    sha256: artifact.sha256.toString('hex'),
    size: artifact.size,
    dry_run: dryRun,
    sent,
    rounds: roundsOf(results),
    elapsed_ms: Math.round(elapsed),
    nodes: sorted(results).map(({ elapsed: elapsed_ms, ...one }) => ({ ...one, elapsed_ms })),
    others,
  };
}

/** Prints a line for each node and the total result. */
export function printPublished(
  report: Report,
  options: OutputOptions,
  context: Pick<CliContext, 'out' | 'columns'>,
): void {
  const { results, dryRun } = report;
  const rows = sorted(results).map(({ node, outcome, code, way, from, round, elapsed }) => [
    node,
    outcome === 'ok' ? (dryRun ? 'would receive it' : way === 'present' ? 'had it' : 'ok') : `${outcome} (${code})`,
    way === 'uploaded' ? 'this host' : from,
    round > 0 ? String(round) : '',
    way === 'uploaded' || way === 'copied' ? `${(elapsed / 1000).toFixed(1)} s` : '',
  ]);
  if (rows.length > 0) printTable(['NODE', 'OUTCOME', 'FROM', 'ROUND', 'AFTER'], rows, options, context);
  context.out('');
  context.out(printable(summary(report)));
}

function summary({ application, revision, artifact, dryRun, results, sent, elapsed }: Report): string {
  const good = results.filter(({ outcome }) => outcome === 'ok').length;
  const what = `${application} ${revision} (${formatSize(artifact.size)}, SHA-256 ${artifact.sha256.toString('hex')})`;
  const where = good === results.length ? count(good, 'node') : `${good} of ${count(results.length, 'node')}`;
  if (dryRun) return `would publish ${what} to ${where}`;
  const rounds = roundsOf(results);
  const copied = rounds === 0 ? '' : `, copied from node to node in ${count(rounds, 'round')}`;
  const time = `${(elapsed / 1000).toFixed(1)} s`;
  return `published ${what} to ${where} in ${time}: ${formatSize(sent)} sent from this host${copied}`;
}

/** Of copies from node to node. */
function roundsOf(results: Published['results']): number {
  return Math.max(0, ...results.map(({ round }) => round));
}

function sorted(results: Published['results']): Published['results'] {
  return results.toSorted((a, b) => (a.node < b.node ? -1 : 1));
}

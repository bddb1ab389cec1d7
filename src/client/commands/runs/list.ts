import { explain } from '../../../core/errors.ts';
import { printable } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { listJournals, readJournal } from '../../runs/read-journal.ts';
import { formatTable } from '../../render/table.ts';
import { ago } from '../../render/times.ts';
import { type RunRecord, recordRun } from '../../runs/record.ts';

interface ListOptions extends CommonOptions {
  readonly limit: number;
}

/** Prints the runs, the newest first. A journal that can’t be read is named, and is no reason to hide the others. */
export async function listRuns({ config, json, limit }: ListOptions, context: CliContext): Promise<number> {
  const { stateDirectory } = await loadClientConfig(config, context.env);
  const ids = await listJournals(stateDirectory, limit);
  const records: RunRecord[] = [];
  for (const id of ids) {
    try {
      const record = await recordRun((await readJournal(stateDirectory, id, context.err)) ?? []);
      if (record !== undefined) records.push(record);
    } catch (error) {
      context.err(`warning: ${explain(error)}`);
    }
  }
  const runs = records.sort((a, b) => b.began - a.began);
  if (json === true) context.out(JSON.stringify(runs.map(asJson), null, 2));
  else if (runs.length === 0) context.err('no run was started from this host');
  else for (const line of formatRuns(runs, Date.now())) context.out(printable(line));
  return exitCode.ok;
}

/** As much of an id as tells it from the others that are listed. */
function shortIdOf(run: string, all: readonly RunRecord[]): string {
  for (let length = 8; length < run.length; length++) {
    const short = run.slice(0, length);
    if (all.every((one) => one.run === run || !one.run.startsWith(short))) return short;
  }
  return run;
}

function formatRuns(runs: readonly RunRecord[], now: number): string[] {
  const headers = ['RESULT', 'RUN', 'PLAYBOOK', 'CLUSTER', 'REVISION', 'BY', 'BEGAN'];
  const rows = runs.map((record) => {
    const { run, began, playbook, state, dryRun, inputs, operator } = record;
    const { cluster = '', revision = '', targets } = inputs;
    const to = typeof revision === 'string' && revision !== '' ? revision : revisionsIn(targets);
    return [
      dryRun ? `${state} (dry run)` : state,
      shortIdOf(run, runs),
      playbook,
      String(cluster ?? ''),
      to,
      operator,
      ago(began, now),
    ];
  });
  return formatTable(headers, rows);
}

/** `10, 9` out of the targets of a rollback. */
function revisionsIn(targets: unknown): string {
  const list: unknown[] = Array.isArray(targets) ? targets : [];
  return [...new Set(list.map((target) => String(target).split('=')[1] ?? ''))].join(', ');
}

function asJson({ steps: _steps, began, last, dryRun, ...run }: RunRecord) {
  return { ...run, dry_run: dryRun, began: new Date(began).toISOString(), last: new Date(last).toISOString() };
}

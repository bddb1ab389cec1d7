import { explain } from '../../../core/errors.ts';
import { printable } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../cli/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { listJournals, readJournal } from '../../runs/read-journal.ts';
import { formatInputs, type RunRecord, recordRun } from '../../runs/record.ts';

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
  else if (runs.length === 0) context.err('no run was made from here');
  else for (const run of runs) context.out(printable(formatRun(run)));
  return exitCode.ok;
}

function formatRun({ run, began, playbook, state, dryRun, inputs }: RunRecord): string {
  const how = dryRun ? `${state} (dry run)` : state;
  return `${run}   ${new Date(began).toISOString()}   ${how.padEnd(11)}   ${playbook}   ${formatInputs(inputs)}`;
}

function asJson({ steps: _steps, began, last, dryRun, ...run }: RunRecord) {
  return { ...run, dry_run: dryRun, began: new Date(began).toISOString(), last: new Date(last).toISOString() };
}

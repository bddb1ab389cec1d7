import type { Ddl } from '../../../core/ddl/ddl.ts';
import { explain } from '../../../core/errors.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import { entriesOf } from '../../runs/fleet/fetch-run.ts';
import { startFleetRuns } from '../../runs/fleet/fleet-runs.ts';
import { findJournalNodes } from '../../runs/fleet/read-copies.ts';
import { listJournals, readJournal } from '../../runs/read-journal.ts';
import { type Color, paintFor } from '../../render/color.ts';
import { printTable } from '../../render/table.ts';
import { ago, duration } from '../../render/times.ts';
import { tableOf } from '../../cli/io/format.ts';
import { formatInputs, type RunRecord, recordRun } from '../../runs/record.ts';

interface ListOptions extends CommonOptions {
  readonly limit: number;
  readonly fleet?: boolean;
}

/** Prints the runs, the newest first. A journal that cannot be read is named, and does not hide the others. */
export async function listRuns(options: ListOptions, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  if (options.fleet === true) return await listFleet(options, catalogue, context);
  const { config, limit } = options;
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
  print(records, 'no run was started from this host; “mco-deploy runs --fleet” asks the nodes', options, context);
  return exitCode.ok;
}

function listFleet(options: ListOptions, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  return withSession(options, context, async (session) => {
    const nodes = await findJournalNodes(session, options);
    const read = startFleetRuns(options.limit, { session, catalogue, options, context });
    const { runs, failed } = await read(nodes);
    for (const one of failed) context.err(`warning: ${one}`);
    const records = await Promise.all(runs.map(({ journal, isHeld }) => recordRun(entriesOf(journal), isHeld)));
    const none = nodes.length === 0 ? 'no node runs the agent journal' : 'no node stores the journal of a run';
    print(
      records.filter((record) => record !== undefined),
      none,
      options,
      context,
    );
    if (nodes.length === 0) return exitCode.nothingDiscovered;
    return failed.length > 0 ? exitCode.someFailed : exitCode.ok;
  });
}

function print(records: readonly RunRecord[], none: string, options: ListOptions, context: CliContext): void {
  const runs = [...records].sort((a, b) => b.began - a.began);
  if (options.json === true) context.out(JSON.stringify(runs.map(asJson), null, 2));
  else if (runs.length === 0) context.err(none);
  else showRuns(runs, options, context);
}

/** The shortest part of an id that distinguishes it from the others in the list. */
function shortIdOf(run: string, all: readonly RunRecord[]): string {
  for (let length = 8; length < run.length; length++) {
    const short = run.slice(0, length);
    if (all.every((one) => one.run === run || !one.run.startsWith(short))) return short;
  }
  return run;
}

function showRuns(runs: readonly RunRecord[], options: ListOptions, context: CliContext): void {
  const now = Date.now();
  const paint = paintFor(context);
  const wide = tableOf(options) === 'wide';
  const headers = ['RESULT', 'RUN', 'PLAYBOOK', 'CLUSTER', 'REVISION', 'BY', 'BEGAN', 'TOOK'];
  const rows = runs.map((record) => {
    const { run, began, last, playbook, state, dryRun, inputs, operator } = record;
    const { cluster = '', revision = '', targets } = inputs;
    const to = typeof revision === 'string' && revision !== '' ? revision : revisionsIn(targets);
    return [
      paint(colorOf(state), dryRun ? `${state} (dry run)` : state),
      wide ? run : shortIdOf(run, runs),
      playbook,
      String(cluster ?? ''),
      to,
      operator,
      wide ? new Date(began).toISOString() : ago(began, now),
      state === 'running' ? '' : duration(last - began),
      ...(wide ? [formatInputs(inputs)] : []),
    ];
  });
  printTable([...headers, ...(wide ? ['INPUTS'] : [])], rows, options, context);
}

function colorOf(state: string): Color {
  if (state === 'done' || state === 'nothing-to-do') return 'green';
  return state === 'failed' || state === 'cut-off' ? 'red' : 'yellow';
}

/** `10, 9` from the targets of a rollback. */
function revisionsIn(targets: unknown): string {
  const list: unknown[] = Array.isArray(targets) ? targets : [];
  return [...new Set(list.map((target) => String(target).split('=')[1] ?? ''))].join(', ');
}

function asJson({ steps: _steps, next: _next, began, last, dryRun, ...run }: RunRecord) {
  return { ...run, dry_run: dryRun, began: new Date(began).toISOString(), last: new Date(last).toISOString() };
}

/** The journal of a run for display: from this host if it is whole here, else from the nodes. */
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import type { CliContext } from '../../cli/context.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import { findRunAnywhere } from '../../runs/fleet/find-run.ts';
import { readLeasedRuns } from '../../runs/fleet/fleet-runs.ts';
import { findJournalNodes } from '../../runs/fleet/read-copies.ts';
import { findRun, readJournal } from '../../runs/read-journal.ts';
import { type RunRecord, recordRun } from '../../runs/record.ts';

export interface ReadRunOptions extends CommonOptions {
  readonly offline?: boolean;
  readonly fleet?: boolean;
}

interface SeenRun {
  readonly run: string;
  readonly entries: readonly JournalEntry[];
  /** Whether a node keeps a lease of it, if nodes were asked. */
  readonly isHeld?: boolean | undefined;
}

/** @throws Problem `usage`, `unknown-run`, `bad-journal`, `journal-forked` */
async function readRun(
  id: string,
  options: ReadRunOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<SeenRun> {
  const { stateDirectory, journal } = await loadClientConfig(options.config, context.env);
  const here = await findRun(stateDirectory, id).catch((error: unknown) => {
    const mayBeElsewhere = error instanceof Problem && error.code === 'unknown-run' && options.offline !== true;
    if (mayBeElsewhere && (journal !== 'local' || options.fleet === true)) return undefined;
    throw error;
  });
  if (here !== undefined) {
    const entries = (await readJournal(stateDirectory, here, context.err)) ?? [];
    if (options.offline === true || (options.fleet !== true && !mayContinue(entries))) return { run: here, entries };
  }
  return await withSession(options, context, async (session) => {
    const lookup = { session, catalogue, options, context };
    const found = await findRunAnywhere(id, lookup, { lenient: true, always: options.fleet === true });
    if (found.stored === undefined) return found;
    const leased = await readLeasedRuns(await findJournalNodes(session, options, found.stored.stored.holders), lookup);
    return { ...found, isHeld: leased?.has(found.run) };
  });
}

/** The same, with the record of what it did. @throws Problem as {@link readRun}, `no-run` */
export async function readRecordedRun(
  id: string,
  options: ReadRunOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<{ readonly record: RunRecord; readonly entries: readonly JournalEntry[] }> {
  const { run, entries, isHeld } = await readRun(id, options, catalogue, context);
  const record = await recordRun(entries, isHeld);
  if (record === undefined) throw new Problem('no-run', `the run ${run} never started`);
  return { record, entries };
}

/** Whether it may have been resumed elsewhere since. */
function mayContinue(entries: readonly JournalEntry[]): boolean {
  const ended = entries.findLast((entry) => entry.type === 'run-finished' || entry.type === 'run-resumed');
  const isOver = ended?.type === 'run-finished' && ['done', 'nothing-to-do'].includes(ended.state);
  return !isOver && entries.some((entry) => entry.type === 'journal-stored');
}

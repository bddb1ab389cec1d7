/** The journal of a run, from this host, from the nodes, or from both. */
import { readFile } from 'node:fs/promises';
import { Problem } from '../../../core/errors.ts';
import { makeDirectories, replaceFile } from '../../../core/files/durable.ts';
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { journalFile, runsDirectory } from '../../../library/runs/journal.ts';
import { findRun, listJournals, nearestRun, readJournal } from '../read-journal.ts';
import { type ComparedJournal, compareJournals } from './compare.ts';
import { type JournalLookup, fetchRun, findStoredRun } from './fetch-run.ts';

export interface FoundRun extends ComparedJournal {
  readonly run: string;
  /** The checked journal on nodes; undefined if none stores it. */
  readonly stored: VerifiedJournal | undefined;
}

export interface FindRunOptions {
  /** Accept the available copies if too few of the holders can be read. */
  readonly lenient: boolean;
  /** Ask the nodes even if the journal on this host names none. */
  readonly always?: boolean;
}

/**
 * @param prefix the id of a run, or its beginning
 * @throws Problem `unknown-run`, `usage`, `bad-journal`, `journal-forked`, `journal-incomplete`
 */
export async function findRunAnywhere(prefix: string, look: JournalLookup, options: FindRunOptions): Promise<FoundRun> {
  const { stateDirectory } = look.session.config;
  const { lenient, always = false } = options;
  const here = await findHere(stateDirectory, prefix);
  const run = here ?? (await findStoredRun(prefix, look));
  if (run === undefined) throw await unknownRun(prefix, stateDirectory);
  const local = here === undefined ? undefined : ((await readJournal(stateDirectory, run, look.context.err)) ?? []);
  const holders = local?.findLast((entry) => entry.type === 'journal-stored')?.holders;
  const asks = local === undefined || holders !== undefined || always;
  const stored = asks ? await fetchRun(run, look, { holders: holders ?? [], lenient }) : undefined;
  if (holders !== undefined && stored === undefined && !lenient) {
    const what = `none of the nodes that store the journal of the run gave it (${holders.join(', ')}), and another operator may have resumed it since`;
    throw new Problem('journal-incomplete', what, 'use the journal on this host with --force');
  }
  if (local === undefined && stored === undefined) throw await unknownRun(run, stateDirectory);
  return { run, stored, ...compareJournals(local, stored) };
}

async function findHere(stateDirectory: string, prefix: string): Promise<string | undefined> {
  try {
    return await findRun(stateDirectory, prefix);
  } catch (error) {
    if (error instanceof Problem && error.code === 'unknown-run') return undefined;
    throw error;
  }
}

async function unknownRun(id: string, stateDirectory: string): Promise<Problem> {
  const near = nearestRun(id, await listJournals(stateDirectory, Number.POSITIVE_INFINITY));
  const hint =
    near === undefined ? '“mco-deploy runs --fleet” lists the runs that nodes store' : `did you mean “${near}”?`;
  return new Problem('unknown-run', `there is no journal of a run ${id} here, and no node returned one`, hint);
}

/** Writes the journal on nodes to this host, from where the run is continued; the earlier file is kept beside it. */
export async function adoptRun(stateDirectory: string, { run, entries, isElsewhere, lost }: FoundRun): Promise<void> {
  if (!isElsewhere) return;
  const file = journalFile(stateDirectory, run);
  await makeDirectories(runsDirectory(stateDirectory), 0o700);
  if (lost > 0) await keepBeside(file);
  await replaceFile(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

async function keepBeside(file: string): Promise<void> {
  const before = await readFile(file);
  await replaceFile(`${file}.before-${Date.now()}`, before);
}

/** The operators who started or resumed the run, in order. */
export function operatorsOf(entries: readonly JournalEntry[]): string[] {
  const named = entries.flatMap((entry) =>
    entry.type === 'run-started' || entry.type === 'run-resumed' ? [entry.operator] : [],
  );
  return [...new Set(named)];
}

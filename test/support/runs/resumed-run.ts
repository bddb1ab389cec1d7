/** Entries of a run that is to be resumed, and what is found of it. */
import type { Started } from '../../../src/client/commands/resume/options.ts';
import type { FoundRun } from '../../../src/client/runs/fleet/find-run.ts';
import type { VerifiedJournal } from '../../../src/core/journal/verify.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import { run } from './journal-lines.ts';

export const stamp = { at: 1, runId: run } as const;
export const started = {
  ...stamp,
  type: 'run-started',
  operator: 'rip',
  playbook: 'p',
  inputs: {},
  digest: 'd',
} as unknown as Started;
export const resumed = (operator: string): JournalEntry => ({ ...stamp, type: 'run-resumed', operator });

/** A journal on nodes whose lines these operators signed, and name these. */
export const signed = (lines: readonly (readonly [author: string, named: string])[], revoked: readonly string[] = []) =>
  ({
    run,
    stored: { lease: 'l', holders: ['dev1'] },
    lines: lines.map(() => ({ text: '', signature: '' })),
    entries: lines.map(([, named], index) => ({ type: index === 0 ? 'run-started' : 'run-resumed', operator: named })),
    authors: lines.map(([author]) => author),
    revoked,
  }) as unknown as VerifiedJournal;

export const found = (entries: readonly JournalEntry[], stored?: VerifiedJournal, lost = 0) =>
  ({ run, entries, stored, lost, isElsewhere: false }) as unknown as FoundRun;

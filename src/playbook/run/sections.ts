/** Runs steps, then `on_failure` and `always`: of a playbook, and of a nested one. */
import type { NodeFailure, StepReport } from '../events/events.ts';
import type { Step } from '../model.ts';
import { runSteps } from './run-steps.ts';
import type { RunContext } from '../context.ts';

export interface Sections {
  readonly steps: readonly Step[];
  readonly onFailure: readonly Step[];
  readonly always?: readonly Step[];
}

export interface SectionsEnded {
  readonly state: 'done' | 'failed' | 'interrupted';
  /** True when a `finish` step ended them. */
  readonly finished: boolean;
  readonly reports: readonly StepReport[];
  /** The first. */
  readonly failure?: { readonly step: string; readonly reasons: readonly NodeFailure[] };
}

export async function runSections(
  { steps, onFailure, always = [] }: Sections,
  run: RunContext,
): Promise<SectionsEnded> {
  const { reports, finished } = await runSteps(steps, run, false);
  const failure = firstFailure(reports);
  const interrupted = !finished && reports.some(({ state }) => state === 'interrupted' || state === 'not-run');
  // Later steps also run after an interruption: the same signal must not cut them short.
  const later = { ...run, signal: run.kill, undoes: run.undoes ?? run.scope };
  const all = [...reports];
  if (failure !== undefined || interrupted) {
    run.setFailure(failure?.step ?? '', failure?.reasons ?? []);
    all.push(...(await runSteps(onFailure, later, true)).reports);
  }
  const last = await runSteps(always, later, true);
  all.push(...last.reports);
  const first = failure ?? firstFailure(last.reports);
  if (first !== undefined) return { state: 'failed', finished: false, reports: all, failure: first };
  return { state: interrupted ? 'interrupted' : 'done', finished, reports: all };
}

function firstFailure(reports: readonly StepReport[]): SectionsEnded['failure'] {
  const failed = reports.find(({ state }) => state === 'failed');
  return failed === undefined ? undefined : { step: failed.id, reasons: failed.failed };
}

/** Nested steps have their own names in the journal, in events and in the records of nodes. */
export function renameSteps(steps: readonly Step[], prefix: string): Step[] {
  return steps.map((step) => ({
    ...step,
    id: `${prefix}${step.id}`,
    needs: step.needs.map((need) => `${prefix}${need}`),
  }));
}

/** A failure within, as the outer step reports it. */
export function failureWithin(failure: NonNullable<SectionsEnded['failure']>): readonly NodeFailure[] {
  return failure.reasons.map((reason) => ({ ...reason, reason: `${failure.step}: ${reason.reason}` }));
}

/** The events of a run for machines: one JSON object a line, as the schema `run-event` describes it. */
import type { NodeFailure, RunEvent, RunReport, StepReport } from './events.ts';

/** The common keys of all events. */
export interface EventStamp {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** 1 for the first event of this program's part of the run, without gaps. */
  readonly sequence: number;
  readonly runId: string;
}

export function formatJsonEvent(event: RunEvent, { time, sequence, runId }: EventStamp): string {
  const stamp = { time: new Date(time).toISOString(), sequence, run_id: runId };
  return JSON.stringify({ type: event.type, ...stamp, ...fieldsOf(event) });
}

function fieldsOf(event: RunEvent): object {
  switch (event.type) {
    case 'run-started': {
      const { playbook, label, dryRun, inputs } = event;
      return { playbook, label, dry_run: dryRun, inputs };
    }
    case 'step-planned': {
      const { step, label, title, dryRun, batches } = event;
      return { step, label, title, dry_run: dryRun, batches };
    }
    case 'outcome': {
      const { type: _type, dryRun, elapsed, ...rest } = event;
      return { ...rest, dry_run: dryRun, elapsed_ms: Math.round(elapsed) };
    }
    case 'try-failed': {
      const { type: _type, wait, failed, ...rest } = event;
      return { ...rest, failed, wait_ms: Math.round(wait) };
    }
    case 'step-finished':
      return { label: event.label, ...stepJson(event.report) };
    case 'run-finished':
      return reportJson(event.report);
    default: {
      const { type: _type, ...rest } = event;
      return rest;
    }
  }
}

function stepJson({ id, kind, afterFailure, elapsed, dryRun, notifies: _notifies, ...report }: StepReport) {
  return { step: id, kind, after_failure: afterFailure, dry_run: dryRun, elapsed_ms: Math.round(elapsed), ...report };
}

function reportJson(report: RunReport) {
  const { playbook, label, dryRun, state, steps, elapsed, failure, interruption, result, next } = report;
  return {
    playbook,
    label,
    dry_run: dryRun,
    state,
    elapsed_ms: Math.round(elapsed),
    failure: failure === undefined ? null : failureJson(failure),
    interruption: interruption ?? null,
    changed: result.changed,
    changes: result.changes,
    out_of_traffic: result.out.map(({ stay, ...out }) => ({ ...out, stay: stay ?? null })),
    untouched: result.untouched,
    next: next ?? null,
    steps: steps.map(stepJson),
  };
}

function failureJson({ step, reasons, cause }: NonNullable<RunReport['failure']>): {
  step: string;
  name: string;
  reasons: readonly NodeFailure[];
} {
  return { step, name: cause?.name ?? step, reasons: cause?.reasons ?? reasons };
}

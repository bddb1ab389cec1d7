/** A run's report for machines (docs/json.md): keys in `snake_case`, times in ISO 8601. */
import type { Attempt } from './read/attempts.ts';
import type { Incident } from './read/incident.ts';
import type { Bar } from './read/bars.ts';
import type { StepSpan } from './read/timeline.ts';

/** What `runs report RUN --json` prints. */
export function incidentToJson({ record, label, attempts, end, effect }: Incident) {
  const { run, playbook, operator, state, dryRun, began, last } = record;
  const { changes, out, untouched } = effect;
  return {
    run,
    playbook,
    label,
    operator,
    dry_run: dryRun,
    state,
    began: isoTime(began),
    ended: isoTime(last),
    failure: end?.failure === undefined ? null : failureJson(end.failure),
    interruption: end?.interruption ?? null,
    changes,
    out_of_traffic: out.map(({ stay, ...one }) => ({ ...one, stay: stay ?? null })),
    untouched,
    next: end?.next ?? null,
    attempts: attempts.map(attemptToJson),
  };
}

function failureJson({ step, reasons, cause }: NonNullable<NonNullable<Incident['end']>['failure']>) {
  return { step, name: cause?.name ?? step, reasons: cause?.reasons ?? reasons };
}

function attemptToJson({ number, operator, begin, end, finished, steps, nodes }: Attempt) {
  return {
    number,
    operator,
    state: finished?.state ?? 'cut-off',
    began: isoTime(begin),
    ended: isoTime(end),
    nodes,
    steps: steps.map(stepToJson),
  };
}

function stepToJson({ begin, end, waitedFor, slowest, bars, afterFailure, ...step }: StepSpan) {
  return {
    ...step,
    after_failure: afterFailure,
    began: isoTime(begin),
    ended: isoTime(end),
    waited_for: waitedFor,
    slowest: slowest === undefined ? null : { node: slowest.node, lag_ms: slowest.lag },
    calls: bars.map(callToJson),
  };
}

function callToJson({ step: _step, begin, end, dryRun, requestId, auditHead, rejection, ...call }: Bar) {
  return {
    ...call,
    began: isoTime(begin),
    ended: isoTime(end),
    dry_run: dryRun,
    request_id: requestId,
    audit_head: auditHead,
    verdict: rejection === undefined ? null : { code: rejection.code, reason: rejection.reason },
  };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

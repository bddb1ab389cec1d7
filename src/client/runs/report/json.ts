/** The timeline of a run for machines (docs/json.md): keys in `snake_case`, times in ISO 8601. */
import type { Bar, StepSpan, Timeline } from './timeline.ts';

/** What `runs report RUN --json` prints. */
export function timelineToJson(run: string, { begin, end, steps, nodes }: Timeline) {
  return { run, began: isoTime(begin), ended: isoTime(end), steps: steps.map(stepToJson), nodes };
}

function stepToJson({ begin, end, waitedFor, slowest, bars, ...step }: StepSpan) {
  return {
    ...step,
    began: isoTime(begin),
    ended: isoTime(end),
    waited_for: waitedFor,
    slowest: slowest === undefined ? null : { node: slowest.node, lag_ms: slowest.lag },
    calls: bars.map(callToJson),
  };
}

function callToJson({ step: _step, begin, end, dryRun, requestId, auditHead, ...call }: Bar) {
  return {
    ...call,
    began: isoTime(begin),
    ended: isoTime(end),
    dry_run: dryRun,
    request_id: requestId,
    audit_head: auditHead,
  };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

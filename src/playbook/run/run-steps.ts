/** Runs steps in the order of their needs: a failed step stops those that depend on it, and no others. */

import { attempt } from './attempt.ts';
import { notifier } from '../call/notifier.ts';
import type { StepReport, StepState } from '../events/events.ts';
import { formatReason } from '../events/summary.ts';
import { decide } from '../expressions/expression.ts';
import type { Step, StepOutcome } from '../model.ts';
import { hideSecrets, reasonsToKeep, reasonsToShow } from '../call/reasons.ts';
import type { RunContext } from '../context.ts';

export interface StepsEnded {
  /** In the order of the file. */
  readonly reports: readonly StepReport[];
  /** True when a step ended the run successfully. */
  readonly finished: boolean;
}

type Ended = Omit<StepOutcome, 'state'> & { readonly state: StepState };

/** @param steps sorted: each after all its needs */
export async function runSteps(steps: readonly Step[], run: RunContext, afterFailure: boolean): Promise<StepsEnded> {
  let finished = false;
  const ended = new Map<string, Promise<StepReport>>();
  /** Of each step that was skipped: the steps it waited for. */
  const skipped = new Map<string, readonly string[]>();
  const runNext = async (step: Step): Promise<StepReport> => {
    const needed = await Promise.all(step.needs.flatMap((need) => ended.get(need) ?? []));
    for (const one of step.after ?? []) await ended.get(one);
    // During repair and notification, one failure must not keep the next step from being tried.
    const ready = afterFailure || needed.every(({ state }) => state === 'done' || state === 'skipped');
    if (!ready || finished || run.signal.aborted)
      return describe(step, { state: 'not-run', ran: false, untouched: notChanged(step, run) }, 0, afterFailure);
    // A skipped step takes no time: later steps waited for the steps before it.
    const waitedFor = [...new Set(step.needs.flatMap((need) => skipped.get(need) ?? [need]))];
    const { report, finish } = await runStep(step, run, afterFailure, waitedFor);
    if (report.state === 'skipped') skipped.set(step.id, waitedFor);
    finished ||= finish;
    return report;
  };
  for (const step of steps) ended.set(step.id, runNext(step));
  return { reports: await Promise.all(ended.values()), finished };
}

async function runStep(step: Step, run: RunContext, afterFailure: boolean, waitedFor: readonly string[]) {
  const startedAt = run.ports.clock();
  const { id, kind, body, source } = step;
  // Also of a step that turns out to be skipped: each start has an end.
  run.ports.emit({ type: 'step-started', step: id, name: source.name ?? id, title: body.title, kind });
  let ended = await carryOut(step, run, afterFailure, waitedFor);
  const mayFail = source.fail_ok === true || (source.notifies === 'success' && !run.dryRun);
  if (ended.state === 'failed' && mayFail) ended = accepted(ended, source);
  const isAccepted = mayFail && (ended.failed ?? []).length > 0;
  ended = await recordEnd(step, ended, run);
  const { state, ran, replies = [], finish = false } = ended;
  run.setStep(id, { ok: !isAccepted && (state === 'done' || state === 'skipped'), ran, replies });
  const report = showable(describe(step, ended, run.ports.clock() - startedAt, afterFailure), run);
  run.ports.emit({ type: 'step-finished', label: run.label, report });
  return { report, finish: finish && state === 'done' };
}

/** Runs a step; whatever it throws is its failure. */
async function carryOut(
  step: Step,
  run: RunContext,
  afterFailure: boolean,
  waitedFor: readonly string[],
): Promise<Ended> {
  let ended: Ended | undefined;
  const fault = await attempt(async () => {
    ended = await runUnlessSkipped(step, run, afterFailure, waitedFor);
  });
  return ended ?? { state: 'failed', ran: true, failed: fault === undefined ? [] : [fault] };
}

async function runUnlessSkipped(
  step: Step,
  run: RunContext,
  afterFailure: boolean,
  waitedFor: readonly string[],
): Promise<Ended> {
  const { id, kind, body, condition, source } = step;
  if (condition !== undefined && !decide(condition, run.context())) return { state: 'skipped', ran: false };
  if (body.once === true && isPast(step, run)) return { state: 'done', ran: true };
  const named = { step: id, needs: waitedFor, name: source.name ?? id, title: body.title, kind };
  await run.journal({ type: 'step-started', ...named, ...(afterFailure ? { afterFailure } : {}) });
  return await body.run(run, step);
}

/** @returns the end of the step: a failure if the journal cannot be written */
async function recordEnd({ id }: Step, ended: Ended, run: RunContext): Promise<Ended> {
  const { state, untouched = [] } = ended;
  const failed = reasonsToKeep(ended.failed ?? [], run);
  const unwritten = await attempt(() =>
    run.journal({
      type: 'step-finished',
      step: id,
      state,
      ...(failed.length === 0 ? {} : { failed }),
      ...(untouched.length === 0 ? {} : { untouched }),
    }),
  );
  return unwritten === undefined ? ended : { ...ended, state: 'failed', failed: [...(ended.failed ?? []), unwritten] };
}

/** A failure that the playbook allows: it is shown, and the run continues. */
function accepted(ended: Ended, { notifies }: Step['source']): Ended {
  const [first] = ended.failed ?? [];
  const what = first === undefined ? '' : `: ${formatReason(first)}`;
  // The end of the run says of a notification that it failed.
  const line = notifies === 'success' ? [] : [`failed, and the run continues (fail_ok)${what}`];
  return { ...ended, state: 'done', lines: [...(ended.lines ?? []), ...line] };
}

/**
 * Whether a step that only prints, waits or asks was done before the run was resumed, and nothing was changed since.
 */
function isPast({ id }: Step, { resumed, undoes }: RunContext): boolean {
  return resumed?.history.isDone(id) === true && !resumed.hasChanged() && undoes === undefined;
}

/** A message of the playbook may contain secrets. */
function showable(report: StepReport, { taint }: RunContext): StepReport {
  return {
    ...report,
    failed: reasonsToShow(report.failed, taint),
    lines: report.lines.map((line) => hideSecrets(line, taint)),
    ...(report.next === undefined ? {} : { next: hideSecrets(report.next, taint) }),
  };
}

function describe(
  { id, kind, body, source }: Step,
  { replies = [], failed = [], untouched = [], tries = 0, lines = [], dryRun = false, state, next }: Ended,
  elapsed: number,
  afterFailure: boolean,
): StepReport {
  const ok = replies.filter((reply) => reply.ok).map(({ node }) => node);
  const internal = source.internal === true;
  return {
    id,
    name: source.name ?? id,
    internal,
    title: body.title,
    kind,
    afterFailure,
    state,
    ok,
    failed,
    untouched,
    tries,
    elapsed,
    lines,
    dryRun,
    ...(next === undefined ? {} : { next }),
    ...(source.notifies === undefined ? {} : { notifies: source.notifies }),
  };
}

/** The nodes that a step that never started would have changed, as far as it names them. */
function notChanged({ body: { changes, asks } }: Step, run: RunContext): readonly string[] {
  if (changes !== true || asks?.on === undefined || asks.agent === notifier) return [];
  return run.nodes(asks.on) ?? [];
}

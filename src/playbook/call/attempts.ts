/** One batch, tried until all its nodes have done the action or the tries are used up. */
import type { Outcome } from '../../core/request/reply.ts';
import type { StepCall } from './step-call.ts';
import { sensitiveOutputs } from '../../core/ddl/ddl.ts';
import { hideOutputs } from '../inputs/call-input.ts';
import type { NodeFailure } from '../events/events.ts';
import { resumeState } from './resume.ts';
import { notifier } from './notifier.ts';
import { reasonsToKeep, reasonsToShow, replyToKeep, replyToShow } from './reasons.ts';
import { type StepReply, silence } from './reply.ts';
import { sleep } from './sleep.ts';
import { judge, type Judgement } from './judge.ts';

/** How a batch ended: one reply a node, its last one. */
export interface BatchResult {
  readonly replies: readonly StepReply[];
  readonly failures: readonly NodeFailure[];
  readonly tries: number;
  readonly interrupted: boolean;
  /** Conditions that a dry run would have waited for. */
  readonly lines: readonly string[];
}

export async function tryBatch(
  call: StepCall,
  nodes: readonly string[],
  batch: number,
  batches: number,
): Promise<BatchResult> {
  const { plan, run, step } = call;
  const { judgements, next, asks } = resumeState(call, nodes);
  const most = plan.tries + (asks ? 1 : 0);
  let pending = nodes.filter((node) => next.has(node));
  let number = 0;
  while (pending.length > 0 && number < most) {
    if (number > 0) {
      const failed = pending.flatMap((node) => judgements.get(node)?.failure ?? []);
      run.ports.emit({
        type: 'try-failed',
        step: step.id,
        try: number,
        tries: plan.tries,
        failed: reasonsToShow(failed, run.taint),
        wait: plan.trySleep,
      });
      if (plan.trySleep > 0) await sleep(run, plan.trySleep);
      if (run.signal.aborted) break;
    }
    number++;
    const progress = {
      batch: batch + 1,
      batches,
      try: number,
      tries: plan.tries,
      nodes: pending,
      changes: mayChange(call) && plan.agent !== notifier,
    };
    run.ports.emit({ type: 'try-started', step: step.id, ...progress });
    const judged = (await callEach(call, pending, next, batch)).map((outcome) =>
      judge(call, outcome, judgements.get(outcome.node)?.streak ?? 0),
    );
    for (const one of judged) judgements.set(one.reply.node, one);
    await noteUnmet(call, judged);
    pending = pending.filter((node) => judgements.get(node)?.again === true);
  }
  return settle(call, nodes, judgements, number, pending.length > 0 && run.signal.aborted);
}

function settle(
  { hypothetical }: StepCall,
  nodes: readonly string[],
  verdicts: ReadonlyMap<string, Judgement>,
  tries: number,
  interrupted: boolean,
): BatchResult {
  const all = nodes.flatMap((node) => verdicts.get(node) ?? []);
  const unmet = all.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const passedOver = hypothetical ? unmet.filter(({ code }) => code === 'until-failed') : [];
  return {
    replies: all.map(({ reply }) => reply),
    failures: unmet.filter((failure) => !passedOver.includes(failure)),
    tries,
    interrupted,
    lines: passedOver.map(({ node, reason }) => `not yet true on ${node}: ${reason}`),
  };
}

/** An outcome is recorded unchanged; the reason that it was not good enough is beside it. */
async function noteUnmet({ requestId, run, step }: StepCall, judged: readonly Judgement[]): Promise<void> {
  const unmet = judged.flatMap(({ failure }) => (failure?.code === 'until-failed' ? [failure] : []));
  if (unmet.length === 0) return;
  await run.journal({ type: 'verdict', step: step.id, requestId, failed: reasonsToKeep(unmet, run) });
}

/** One round. In a resumed run, its nodes may be at different tries. */
async function callEach(
  call: StepCall,
  nodes: readonly string[],
  next: Map<string, number>,
  batch: number,
): Promise<readonly Outcome[]> {
  const rounds = Map.groupBy(nodes, (node) => next.get(node) ?? 1);
  for (const node of nodes) next.set(node, (next.get(node) ?? 1) + 1);
  const outcomes = await Promise.all([...rounds].map(([number, some]) => callOnce(call, some, number, batch)));
  return outcomes.flat();
}

/** One try: exactly one outcome per node, each journalled before anything further begins. */
async function callOnce(
  call: StepCall,
  nodes: readonly string[],
  number: number,
  batch: number,
): Promise<readonly Outcome[]> {
  const { plan, input, shown, requestId, dryRun, run, step } = call;
  const { agent, action, timeout } = plan;
  const request = { agent, action, dryRun, requestId, step: step.id, try: number, nodes };
  const changes = mayChange(call);
  const undoes = run.undoes === undefined ? {} : { undoes: run.undoes };
  await run.journal({ type: 'call', ...request, batch: batch + 1, changes, ...undoes, input: shown });
  if (changes) run.resumed?.noteChange();
  run.changes.lastRequestId = requestId;
  const heard = new Map<string, Outcome>();
  const written: Promise<void>[] = [];
  let broken: unknown;
  const receive = (outcome: Outcome) => {
    if (!nodes.includes(outcome.node) || heard.has(outcome.node)) return;
    heard.set(outcome.node, outcome);
    written.push(
      note(call, outcome, number).catch((error: unknown) => {
        broken ??= error;
      }),
    );
  };
  const sent = { ...request, input, runId: run.runId, ...(timeout === undefined ? {} : { timeout }) };
  const outcomes = await run.ports.call(sent, receive, run.kill);
  for (const outcome of outcomes) receive(outcome);
  // Counts only where a node has no outcome yet.
  for (const node of nodes) receive(silence(node));
  await Promise.all(written);
  if (broken !== undefined) throw broken;
  return nodes.flatMap((node) => heard.get(node) ?? []);
}

function note({ plan, requestId, dryRun, run, step }: StepCall, outcome: Outcome, number: number): Promise<void> {
  const { node, outcome: what, status, code, message, elapsed, auditHead: head } = outcome;
  const entry = { node, outcome: what, code, message, data: hideOutputs(plan.ddl, outcome.data) };
  if (sensitiveOutputs(plan.ddl).some((name) => Object.hasOwn(outcome.data, name))) run.sensitiveOutput.seen = true;
  const auditHead = head === undefined ? {} : { auditHead: `${head.sequence}:${head.hash.toString('hex')}` };
  const shown = { ...entry, ...replyToShow(entry, run.taint) };
  run.ports.emit({ type: 'outcome', step: step.id, title: plan.title, dryRun, try: number, ...shown, elapsed });
  const written = { ...entry, ...replyToKeep(entry, run) };
  return run.journal({ type: 'outcome', step: step.id, requestId, try: number, status, ...written, ...auditHead });
}

function mayChange({ plan, dryRun }: StepCall): boolean {
  return plan.ddl.kind === 'change' && !dryRun;
}

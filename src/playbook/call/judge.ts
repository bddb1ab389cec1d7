/** The judgement of one reply of a node: done, failed, or try again. */
import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { explain } from '../../core/errors.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { StepCall } from './step-call.ts';
import { toCel } from '../expressions/cel-values.ts';
import type { NodeFailure } from '../events/events.ts';
import { decide } from '../expressions/expression.ts';
import { failureOf, type StepReply, replyOf } from './reply.ts';
import { toText } from '../expressions/template.ts';

/** The judgement of a node’s last reply. */
export interface Judgement {
  readonly reply: StepReply;
  readonly failure: NodeFailure | undefined;
  /** The number of consecutive passes. */
  readonly streak: number;
  /** False if another try cannot help. */
  readonly again: boolean;
}

/** Refusals are final, except those that only say “not now”. */
const retryableRefusals = new Set(['busy', 'rate-limited', 'stopping']);

/** @param streak the number of consecutive passes before */
export function judge({ plan, hypothetical, earlier, run }: StepCall, outcome: Outcome, streak: number): Judgement {
  const reply = replyOf(outcome);
  const unusable = outcome.outcome === 'ok' && !reply.ok;
  if (unusable)
    return { reply, failure: { node: reply.node, code: reply.code, reason: reply.message }, streak: 0, again: true };
  if (!reply.ok) {
    const again = outcome.outcome !== 'refused' || retryableRefusals.has(outcome.code);
    return { reply, failure: failureOf(outcome), streak: 0, again };
  }
  if (earlier !== undefined && plan.ddl.repeatable && isBare(plan.ddl, reply)) {
    const message = 'it completed, but its reply is no longer available';
    return { reply, failure: { node: reply.node, code: 'reply-lost', reason: message }, streak: 0, again: true };
  }
  const reason = findUnmet(plan, reply, run, hypothetical ? 1 : plan.passes - streak);
  if (reason === undefined) return { reply, failure: undefined, streak: streak + 1, again: false };
  const passed = reason === '';
  const failure = {
    node: reply.node,
    code: 'until-failed',
    reason: passed ? `it did not hold ${plan.passes} times in a row` : reason,
  };
  return { reply: { ...reply, ok: hypothetical }, failure, streak: passed ? streak + 1 : 0, again: !hypothetical };
}

/** A restarted node remembers that it did something, but not its reply. */
function isBare({ kind, output }: ActionDdl, { data }: StepReply): boolean {
  const { required = [] } = output as { required?: readonly string[] };
  return kind === 'change' && required.length > 0 && Object.keys(data).length === 0;
}

/** Why the assertion of the step does not hold; empty if it does, but not often enough yet; undefined if it passes. */
function findUnmet(
  { until, message }: StepCall['plan'],
  reply: StepReply,
  run: StepCall['run'],
  passes: number,
): string | undefined {
  if (until === undefined) return undefined;
  try {
    const context = { ...run.context(), reply: toCel(reply) };
    if (decide(until, context)) return passes > 1 ? '' : undefined;
    return message === undefined ? `“${until.source}” does not hold` : toText(message(context));
  } catch (error) {
    return explain(error);
  }
}

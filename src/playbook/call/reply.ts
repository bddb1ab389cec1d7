import { explain } from '../../core/errors.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { toCel } from '../expressions/cel-values.ts';
import type { NodeFailure } from '../events/events.ts';

/** The reply of a node, as expressions see it. */
export interface StepReply {
  readonly node: string;
  /** True when the call succeeded and the step's assertions about it hold. */
  readonly ok: boolean;
  readonly outcome: Outcome['outcome'];
  readonly code: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A reply with data that expressions cannot hold counts as failed: a node must not be able to break the run. */
export function replyOf(outcome: Outcome): StepReply {
  const { node, code, message, data } = outcome;
  const reply = { node, ok: outcome.outcome === 'ok', outcome: outcome.outcome, code, message, data };
  try {
    toCel(data);
    return reply;
  } catch (error) {
    return { ...reply, ok: false, code: 'bad-data', message: `its reply cannot be used: ${explain(error)}`, data: {} };
  }
}

/** For a node that was called and whose outcome the caller lost. */
export function silence(node: string): Outcome {
  const message = 'no response';
  return { node, outcome: 'no-response', status: 5, code: 'no-response', message, hint: '', data: {}, elapsed: 0 };
}

/** Why a node counts as failed, in words, hint included. */
export function failureOf(outcome: Outcome): NodeFailure {
  const { node, code, message, hint } = outcome;
  const text = message === '' ? outcome.outcome : message;
  return { node, code: code === '' ? outcome.outcome : code, reason: hint === '' ? text : `${text}: ${hint}` };
}

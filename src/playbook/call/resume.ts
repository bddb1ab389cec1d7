/** What a batch of a resumed run can skip, and the next try of each of its nodes. */
import type { Outcome } from '../../core/request/reply.ts';
import type { ResumedCall, StepCall } from './step-call.ts';
import { type ActionDdl, sensitiveOutputs } from '../../core/ddl/ddl.ts';
import type { CallKey, EarlierTry } from '../journal/history.ts';
import { judge, type Judgement } from './judge.ts';
import type { StepReply } from './reply.ts';
import type { RunContext } from '../context.ts';

/** Milliseconds that a node certainly remembers a call, so that asking for the same try again does nothing twice. */
const remembered = 25 * 60_000;

/**
 * What counts of a step’s earlier call. A change counts permanently; a read counts when its step was done, until
 * something is changed again, and unless the run failed by what it had read.
 */
export function findEarlierCall(
  { resumed, undoes }: Pick<RunContext, 'resumed' | 'undoes'>,
  step: string,
  key: CallKey,
  ddl: ActionDdl,
): ResumedCall | undefined {
  if (resumed === undefined || undoes !== undefined) return undefined;
  const done = resumed.history.isDone(step);
  const reads = ddl.kind === 'read' || key.dryRun;
  if (reads && (!done || resumed.hasChanged() || resumed.history.isOutdated(step))) return undefined;
  const call = resumed.history.callOf(step, key);
  if (call === undefined) return undefined;
  const tries = [...call.tries.values()].flat();
  return reads && tries.some(({ outcome }) => hidesOutput(ddl, outcome)) ? undefined : { ...call, done };
}

/** Whether none of the nodes needs another call. */
export function isSettled(call: StepCall, nodes: readonly string[]): boolean {
  return resumeState(call, nodes).next.size === 0;
}

export interface ResumedState {
  /** Known judgements of nodes that were called before. */
  readonly judgements: Map<string, Judgement>;
  /** The number of the next try of each node that is to be called. */
  readonly next: Map<string, number>;
  /** Whether some are only asked about an earlier try, which does not count as a try. */
  readonly asks: boolean;
}

/** All nodes begin with their first try, unless the run resumes. */
export function resumeState(call: StepCall, nodes: readonly string[]): ResumedState {
  const judgements = new Map<string, Judgement>();
  const next = new Map<string, number>();
  let asks = false;
  for (const node of nodes) {
    const { judgement, number } = resumeNode(call, node, call.earlier?.tries.get(node) ?? []);
    if (judgement !== undefined) judgements.set(node, judgement);
    if (number !== undefined) next.set(node, number);
    asks ||= call.earlier?.tries.get(node)?.at(-1)?.number === number && call.plan.ddl.repeatable;
  }
  return { judgements, next, asks };
}

/** Whether a resumed run would judge each node that failed as now, and call none again. */
export function isFinal({ plan: { ddl }, dryRun }: StepCall, replies: readonly StepReply[]): boolean {
  if (dryRun || ddl.kind === 'read' || ddl.repeatable) return false;
  const failed = replies.filter(({ ok }) => !ok);
  return failed.length > 0 && failed.every(({ outcome, code }) => isSettledAs(outcome) || code === 'not-known');
}

/** Any other outcome lets a node be asked or called once more. */
function isSettledAs(outcome: StepReply['outcome']): boolean {
  return outcome === 'failed' || outcome === 'ok';
}

interface RecalledNode {
  readonly judgement?: Judgement;
  /** Omitted: it is not called again. */
  readonly number?: number;
}

function resumeNode(call: StepCall, node: string, tries: readonly EarlierTry[]): RecalledNode {
  const { ddl } = call.plan;
  const last = tries.at(-1);
  if (last === undefined) return { number: 1 };
  if (last.undone) return { number: last.number + 1 };
  if (!isKnown(call, last)) {
    // The node replies with the result; only if the try never started, it begins now.
    const safe = ddl.repeatable || call.run.ports.now() - last.at < remembered;
    return safe ? { number: last.number } : { judgement: unknowable(call, node, last) };
  }
  const judgement = tries.reduce<Judgement | undefined>(
    (before, { outcome }) => (outcome === undefined ? before : judge(call, outcome, before?.streak ?? 0)),
    undefined,
  );
  if (judgement === undefined) return { number: last.number };
  // A step that ended well did so with its allowed failures.
  if (judgement.failure === undefined || call.earlier?.done === true) return { judgement };
  if (last.outcome?.outcome !== 'refused' && !ddl.repeatable) return { judgement };
  return { judgement, number: last.number + 1 };
}

/** A reply whose sensitive outputs were not recorded must be given again. */
function isKnown({ plan: { ddl } }: StepCall, { outcome }: EarlierTry): boolean {
  if (outcome === undefined || outcome.outcome === 'no-response') return false;
  // Cancelled here; a node that cancels reports another code.
  if (outcome.outcome === 'cancelled' && outcome.code === 'cancelled') return false;
  // The node has begun this try with another sensitive input: how it ended was not reported.
  if (outcome.outcome === 'refused' && outcome.code === 'id-reused') return ddl.repeatable;
  return !hidesOutput(ddl, outcome);
}

function hidesOutput(ddl: ActionDdl, outcome: Outcome | undefined): boolean {
  return outcome !== undefined && sensitiveOutputs(ddl).some((name) => Object.hasOwn(outcome.data, name));
}

function unknowable(call: StepCall, node: string, { at }: EarlierTry): Judgement {
  const message = `whether it completed is not known: it was called at ${new Date(at).toISOString()}, and ${call.plan.title} must not be repeated`;
  const code = 'not-known';
  const reply = { node, ok: false, outcome: 'no-response' as const, code, message, data: {} };
  return { reply, failure: { node, code, reason: message }, streak: 0, again: false };
}

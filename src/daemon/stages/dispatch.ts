import type { ActionContext, Agent, AnyHandlers } from '../../core/agent.ts';
import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { fileProblem } from '../../core/files/file-problem.ts';
import { defineSlots, type Slots } from '../../core/waiting/concurrency.ts';
import { type Deadline, startDeadline } from '../../core/waiting/deadline.ts';
import { Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { failure, okReply, type ReplyContent, refusal } from '../../core/request/reply.ts';
import { answer, type IncomingCall, limitsOf, type Stage } from '../incoming-call.ts';

/** Calls that wait for their turn at one agent; further ones are refused, except one of each other caller. */
const longestQueue = 64;

export interface DispatchOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  /** How many actions of one agent run at once. */
  readonly concurrency: number;
  /** Aborted when the daemon stops. */
  readonly stopping: AbortSignal;
  readonly now: () => number;
  /** Milliseconds by which clocks may differ. */
  readonly grace: number;
  readonly log: Log;
}

/** Runs the action: within its deadline, with limited concurrency, and cancellable down to its process groups. */
export function dispatch(options: DispatchOptions): Stage {
  const slotsOf = new Map<string, Slots>();
  return () => async (call) => {
    const { entry, action } = call;
    if (entry === undefined || action === undefined) throw new Problem('internal', 'dispatch runs after match');
    const { name } = entry.ddl;
    const handlers: AnyHandlers = options.agents.get(name)?.handlers ?? {};
    const asked = call.opened.request.action;
    const handler = Object.hasOwn(handlers, asked) ? handlers[asked] : undefined;
    if (handler === undefined) throw new Problem('internal', 'the agent lacks its action');
    const slots = slotsOf.get(name) ?? defineSlots(options.concurrency);
    slotsOf.set(name, slots);
    if (slots.waiting() >= longestQueue && slots.waiting(call.caller) > 0) {
      return answer(
        refusal(new Problem('busy', `the agent ${name} has ${longestQueue} calls waiting`, 'call again later')),
      );
    }
    const arrivedAt = options.now();
    const turn = await takeTurn(slots, call);
    if (turn instanceof Problem) return answer(failure(turn, 'cancelled'));
    // Also after a clock that was set back.
    const hasWaited = options.now() !== arrivedAt;
    const stale = await whyNotBegin(call, hasWaited).catch((error: unknown) => {
      turn();
      throw error;
    });
    const left = timeLeft(call, action, arrivedAt, options);
    const instead = stale ?? (left > 0 ? undefined : refusal(tooLate(call)));
    if (instead === undefined) return answer(await runAction(call, { action, handler, left }, options, turn));
    turn();
    return answer(instead);
  };
}

/**
 * Milliseconds that the action may run, 0 or less if it may not begin: its caller may have continued without it. A
 * job waits for its turn as long as it must. The time that the caller gave is measured from its own clock to its own
 * clock, so a node whose clock is ahead does not begin a change only to cut it off.
 */
function timeLeft(
  { opened: { request } }: IncomingCall,
  action: ActionDdl,
  arrivedAt: number,
  { now, grace }: DispatchOptions,
): number {
  const { issuedAt, timeToLive, deadline, detach } = request;
  const time = now();
  if (!detach && time > issuedAt + timeToLive + grace) return 0;
  const allowed = action.timeout * 1000;
  if (deadline === 0) return allowed;
  const waited = time - arrivedAt;
  return Math.min(allowed, deadline - issuedAt - waited, deadline + grace - time);
}

function tooLate({ opened, entry }: IncomingCall): Problem {
  const what = `${entry?.ddl.name}.${opened.request.action} could not begin within its time: nothing was done`;
  return new Problem('busy', what, 'call again later, and compare the clocks if it happens again');
}

async function runAction(
  call: IncomingCall,
  {
    action,
    handler,
    left,
  }: { readonly action: ActionDdl; readonly handler: AnyHandlers[string]; readonly left: number },
  options: DispatchOptions,
  release: () => void,
): Promise<ReplyContent> {
  const { request } = call.opened;
  const { stopping, log } = options;
  // A change runs to its end even if its caller is gone: the outcome can be asked for, but half a change can't be undone.
  const cancelled = call.cancelled === undefined ? [] : [call.cancelled];
  const ends = action.kind === 'read' ? [stopping, call.gone, ...cancelled] : [stopping, ...cancelled];
  const deadline = startDeadline(left, ends);
  const { signal } = deadline;
  const context: ActionContext = {
    requestId: request.requestId,
    runId: request.runId,
    caller: call.caller,
    limited: limitsOf(call) !== undefined,
    lease: request.lease,
    signed: call.opened.signed,
    dryRun: request.dryRun,
    signal,
    progress: call.onProgress,
    log,
  };
  const running = handler(call.input as never, context).finally(release);
  try {
    return okReply(await Promise.race([running, whenAborted(signal)]));
  } catch (error) {
    return explainFailure(error, call, { deadline, stopping }, log);
  } finally {
    deadline.end();
  }
}

/** @returns a function that releases the slot, or why the call was cancelled before its turn */
async function takeTurn(slots: Slots, call: IncomingCall): Promise<(() => void) | Problem> {
  const { cancelled } = call;
  const taking = slots.take(call.caller);
  if (cancelled === undefined) return await taking;
  const { promise, resolve: end } = Promise.withResolvers<unknown>();
  cancelled.addEventListener('abort', end);
  if (cancelled.aborted) end(undefined);
  await Promise.race([taking, promise]).finally(() => cancelled.removeEventListener('abort', end));
  const problem = cancelledBy(call);
  if (problem === undefined) return await taking;
  void taking.then((giveBack) => giveBack());
  return problem;
}

/** The reply of a call whose caller lost the right or the lease, or gave it up, before its turn; undefined if it may begin. */
async function whyNotBegin(call: IncomingCall, hasWaited: boolean): Promise<ReplyContent | undefined> {
  const refused = hasWaited ? await call.reauthorize?.() : undefined;
  const cancelled = cancelledBy(call);
  if (cancelled !== undefined) return failure(cancelled, 'cancelled');
  const problem = refused ?? call.recheck?.();
  return problem && refusal(problem);
}

function cancelledBy({ cancelled, entry, opened }: IncomingCall): Problem | undefined {
  if (cancelled?.aborted !== true) return undefined;
  const by = typeof cancelled.reason === 'string' ? ` by ${cancelled.reason}` : '';
  return new Problem('cancelled', `${entry?.ddl.name}.${opened.request.action} was cancelled${by}`);
}

/** Rejects a moment after the abort, so that a handler that ends by itself can report how it ended. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fire = () => setTimeout(() => reject(signal.reason), 2000).unref();
    if (signal.aborted) fire();
    else signal.addEventListener('abort', fire);
  });
}

function explainFailure(
  error: unknown,
  call: IncomingCall,
  { deadline, stopping }: { deadline: Deadline; stopping: AbortSignal },
  log: Log,
): ReplyContent {
  const { entry, opened, action } = call;
  const name = `${entry?.ddl.name}.${opened.request.action}`;
  if (stopping.aborted) return failure(new Problem('stopping', `${name} was cancelled: the daemon stops`), 'cancelled');
  const cancelled = cancelledBy(call);
  if (cancelled !== undefined) return failure(cancelled, 'cancelled');
  if (deadline.passed()) {
    const reason = error instanceof Problem ? `: ${error.message}` : '';
    return failure(
      new Problem('timeout', `${name} did not end within its time (at most ${action?.timeout} s)${reason}`),
    );
  }
  if (error instanceof Problem) return failure(error);
  const known = fileProblem(error);
  if (known !== undefined) return failure(known);
  log.error({ err: error, request: opened.request.requestId }, `${name} failed unexpectedly`);
  return failure(new Problem('internal', `${name} failed unexpectedly`, 'see the log of the node'));
}

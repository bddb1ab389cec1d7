import type { ActionContext, Agent, AnyHandlers } from '../../core/agent.ts';
import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { fileProblem } from '../../core/files/file-problem.ts';
import { defineSlots, type Slots } from '../../core/waiting/concurrency.ts';
import { type Deadline, startDeadline } from '../../core/waiting/deadline.ts';
import { Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { failure, okReply, type ReplyContent, refusal } from '../../core/request/reply.ts';
import { answer, type IncomingCall, limitsOf, type Stage } from '../incoming-call.ts';

/** Calls that wait for their turn at one agent; further ones are refused, but for one of each other caller. */
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
    const turn = await takeTurn(slots, call);
    if (turn instanceof Problem) return answer(failure(turn, 'cancelled'));
    // Its lease, or its time, may have ended while it waited for its turn.
    const stale = call.recheck?.() ?? tooLate(call, options);
    if (stale === undefined) return answer(await runAction(call, { action, handler }, options, turn));
    turn();
    return answer(refusal(stale));
  };
}

/** A request may begin only within its time: its caller may have continued without it. A job waits as long as it must. */
function tooLate({ opened: { request }, entry }: IncomingCall, { now, grace }: DispatchOptions): Problem | undefined {
  const { issuedAt, timeToLive, deadline, detach } = request;
  const end = Math.min(issuedAt + timeToLive, deadline === 0 ? Number.POSITIVE_INFINITY : deadline);
  if (detach || now() <= end + grace) return undefined;
  const what = `${entry?.ddl.name}.${request.action} could not begin within its time: nothing was done`;
  return new Problem('busy', what, 'call again later');
}

async function runAction(
  call: IncomingCall,
  { action, handler }: { readonly action: ActionDdl; readonly handler: AnyHandlers[string] },
  options: DispatchOptions,
  release: () => void,
): Promise<ReplyContent> {
  const { request } = call.opened;
  const { agents: _agents, now, stopping, log } = options;
  const allowed = action.timeout * 1000;
  const left = request.deadline === 0 ? allowed : Math.min(allowed, request.deadline - now());
  // A change runs to its end even if its caller is gone: the outcome can be asked for, but half a change can't be undone.
  const cancelled = call.cancelled === undefined ? [] : [call.cancelled];
  const ends = action.kind === 'read' ? [stopping, call.gone, ...cancelled] : [stopping, ...cancelled];
  const deadline = startDeadline(Math.max(1, left), ends);
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

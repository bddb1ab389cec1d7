// Nothing is done twice: a request is served once (*fresh*), and so is the same call of a run that was taken over (*handover*).
import { Problem } from '../../core/errors.ts';
import { refusal } from '../../core/request/reply.ts';
import type { Request } from '../../core/wire/messages.ts';
import { answer, type Stage } from '../incoming-call.ts';
import type { CallMemory } from '../calls/call-memory.ts';

/** The longest time to live, in milliseconds, that a request may ask for: nonces are kept that long. */
const longestLife = 5 * 60_000;

/**
 * Refuses a request that is too old, from the future, or was received before. The same request and try with a new nonce
 * gets the outcome that exists: nothing is done twice.
 * @param grace milliseconds by which clocks may differ
 */
export function fresh(memory: CallMemory, grace: number, now: () => number): Stage {
  return (next) => async (call) => {
    const { request } = call.opened;
    const late = judgeTime(request, now(), grace);
    if (late !== undefined) return answer(refusal(late));
    // The caller's clock may be ahead, so the request may be older than it says by that much.
    if (!memory.remembersSince(request.issuedAt - grace)) return answer(refusal(unproven(request, grace)));
    if (!memory.registerNonce(request.nonce, request.issuedAt + request.timeToLive + grace)) {
      return answer(refusal(new Problem('replayed', 'this request was received before')));
    }
    return await memory.once(call, () => next(call));
  };
}

function unproven({ issuedAt }: Request, grace: number): Problem {
  const what = `this node can't know whether it has received the request of ${iso(issuedAt)} before: its audit log does not reach back that far`;
  return new Problem('unproven-fresh', what, `send it again in ${Math.ceil(grace / 1000)} s`);
}

/** Why a request of that time cannot be served now, or undefined. @param grace milliseconds by which clocks may differ */
export function judgeTime(
  { issuedAt, timeToLive }: Pick<Request, 'issuedAt' | 'timeToLive'>,
  now: number,
  grace: number,
): Problem | undefined {
  const clocks = `the caller's clock says ${iso(issuedAt)}, this node's ${iso(now)}`;
  const apart = `${(Math.abs(now - issuedAt) / 1000).toFixed(1)} s apart`;
  if (timeToLive > longestLife) {
    return new Problem(
      'bad-time',
      `a request may live ${longestLife / 1000} s, this one asks for ${timeToLive / 1000} s`,
    );
  }
  if (issuedAt > now + grace) {
    return new Problem('clock-skew', `${clocks}: ${apart}`, 'set the clocks (NTP)');
  }
  if (now > issuedAt + timeToLive + grace) {
    return new Problem(
      'expired-request',
      `the request is too old: ${clocks}, ${apart}`,
      'set the clocks (NTP) and call again',
    );
  }
  return undefined;
}

function iso(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time);
}

/**
 * A run that another operator took over repeats the same try of the same call: it receives the earlier outcome, and
 * nothing is done twice. *lease* and *authorize* have checked that the caller holds the run's lease and may call the
 * action.
 */
export function handover(memory: Pick<CallMemory, 'outcomeInSameRun'>): Stage {
  return (next) => async (call) => await (memory.outcomeInSameRun(call) ?? next(call));
}

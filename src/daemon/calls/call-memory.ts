import { Problem } from '../../core/errors.ts';
import { refusal, type ReplyContent } from '../../core/request/reply.ts';
import type { ResultState } from '../../core/wire/messages.ts';
import type { RecentRecords } from '../audit/files/tail.ts';
import { type Answer, answer, type IncomingCall } from '../incoming-call.ts';
import { type Asked, askedBy, idReused, isSame } from './asked.ts';
import {
  claim,
  fillFromLog,
  forget,
  keyOf,
  noCalls,
  type RememberedCalls,
  requestKeyOf,
  runKeyOf,
} from './remembered-calls.ts';

/** The node's memory of calls: none is served twice, and a lost reply can be asked for. */
export interface CallMemory {
  /** False when the nonce was seen and has not expired. @param until milliseconds since the epoch */
  readonly registerNonce: (nonce: Buffer, until: number) => boolean;
  /** Whether every unexpired nonce since a time (milliseconds since the epoch) is remembered. */
  readonly remembersSince: (time: number) => boolean;
  /** Whether the nonce was seen and has not expired. */
  readonly hasNonce: (nonce: Buffer) => boolean;
  /**
   * Runs a change's try once; a repetition of it waits for, or receives, the first outcome. Another request with the same
   * id and try is refused. Reads simply run.
   */
  readonly once: (call: IncomingCall, run: () => Promise<Answer>) => Promise<Answer>;
  /**
   * The result of a try of a change that another operator made in the same run, under the same lease; undefined if it
   * never started. Only for callers that may call the action now.
   */
  readonly outcomeInSameRun: (call: IncomingCall) => Promise<Answer> | undefined;
  /**
   * Blocks every try of a change that has not arrived yet: its caller has asked about it, and may have continued. A
   * relay could hold it back until then.
   */
  readonly withdraw: (caller: string, requestId: string, attempt: number) => void;
  /** The result of a request's try. @param asked what the request asks for, if that is known */
  readonly find: (
    caller: string,
    requestId: string,
    attempt: number,
    asked?: Asked,
  ) => { state: ResultState; content?: ReplyContent };
}

/**
 * @param past the audit log's last records: nonces and outcomes from before a restart
 */
export function startCallMemory({ records, completeSince }: RecentRecords, now: () => number): CallMemory {
  const startedAt = now();
  const remembered = noCalls();
  const { nonces, calls, latest } = remembered;
  fillFromLog(remembered, records, now());
  return {
    registerNonce: (nonce, until) => {
      forget(remembered, now());
      const key = nonce.toString('base64');
      const before = nonces.get(key);
      if (before !== undefined && before >= now()) return false;
      nonces.set(key, until);
      return true;
    },
    remembersSince: (time) => time >= Math.min(startedAt, completeSince),
    hasNonce: (nonce) => (nonces.get(nonce.toString('base64')) ?? Number.NEGATIVE_INFINITY) >= now(),
    once: async (call, run) =>
      call.action?.kind === 'change' ? await runOnce(call, run, remembered, now) : await run(),
    outcomeInSameRun: (call) => findInRun(call, remembered),
    withdraw: (caller, requestId, attempt) => {
      const key = requestKeyOf(caller, requestId);
      if (calls.has(keyOf(caller, requestId, attempt)) || attempt < (latest.get(key)?.attempt ?? 0)) return;
      latest.delete(key);
      latest.set(key, { caller, at: now(), attempt, withdrawn: true });
    },
    find: (caller, requestId, attempt, asked) => {
      const known = calls.get(keyOf(caller, requestId, attempt));
      if (known === undefined || !isSame(asked ?? known.asked, known.asked)) return { state: 'UNKNOWN' };
      return known.content === undefined ? { state: 'RUNNING' } : { state: 'REPLIED', content: known.content };
    },
  };
}

/** Runs a try, unless it ran before or is running now: then its outcome is returned again. */
async function runOnce(
  { caller, opened }: IncomingCall,
  run: () => Promise<Answer>,
  remembered: RememberedCalls,
  now: () => number,
): Promise<Answer> {
  const { calls } = remembered;
  const { request } = opened;
  const { requestId, try: attempt } = request;
  const key = keyOf(caller, requestId, attempt);
  const asked = askedBy(opened);
  const known = calls.get(key);
  if (known !== undefined && !isSame(known.asked, asked)) return answer(refusal(idReused()));
  if (known?.content !== undefined) return { content: known.content, recorded: true };
  if (known?.running !== undefined) return { ...(await known.running), recorded: true };
  if (isLate(caller, requestId, attempt, remembered, now())) {
    const message = 'this try arrived after its caller had given up: nothing was done';
    return answer(refusal(new Problem('late-try', message, 'ask again')));
  }
  const running = run();
  calls.set(key, { caller, at: now(), asked, running });
  claim(request, caller, key, remembered);
  try {
    const served = await running;
    // At the end: they are in the order in which they expire.
    calls.delete(key);
    calls.set(key, { caller, at: now(), asked, content: served.content });
    return served;
  } catch (error) {
    calls.delete(key);
    throw error;
  }
}

/** Tries come in order: one that arrives after a later one, or after it was withdrawn, was held back on its way. */
function isLate(
  caller: string,
  requestId: string,
  attempt: number,
  { latest }: RememberedCalls,
  time: number,
): boolean {
  const requestKey = requestKeyOf(caller, requestId);
  const last = latest.get(requestKey);
  if (last !== undefined && (attempt < last.attempt || (attempt === last.attempt && last.withdrawn))) return true;
  latest.delete(requestKey);
  latest.set(requestKey, { caller, at: time, attempt, withdrawn: false });
  return false;
}

function findInRun({ caller, opened }: IncomingCall, { runs, calls }: RememberedCalls): Promise<Answer> | undefined {
  const runKey = runKeyOf(opened.request);
  const made = runKey === undefined ? undefined : runs.get(runKey);
  const known = made === undefined || made.caller === caller ? undefined : calls.get(made.place);
  // A refusal concerned the other operator: nothing was done.
  if (known === undefined || known.content?.outcome === 'refused') return undefined;
  if (!isSame(known.asked, askedBy(opened))) return Promise.resolve(answer(refusal(idReused())));
  if (known.content !== undefined) return Promise.resolve({ content: known.content, recorded: true });
  return known.running?.then((served) => ({ ...served, recorded: true }));
}

import type { AuditRecord, IntentRecord } from '../../core/audit/record.ts';
import type { RecentRecords } from '../audit/tail.ts';
import { Problem } from '../../core/errors.ts';
import { failure, refusal, type ReplyContent } from '../../core/request/reply.ts';
import { openRequest } from '../../core/request/request.ts';
import type { Request, ResultState } from '../../core/wire/messages.ts';
import { type Answer, answer, type IncomingCall } from '../call.ts';

/** What the node remembers of calls, so that none is served twice and a lost reply can be asked for. */
export interface CallMemory {
  /** False when the nonce was seen and its time is not over. @param until milliseconds since the epoch */
  readonly admit: (nonce: Buffer, until: number) => boolean;
  /** Whether every nonce is remembered that came since a time (milliseconds since the epoch) and is still good. */
  readonly covers: (time: number) => boolean;
  /** Whether the nonce was seen and its time is not over. */
  readonly has: (nonce: Buffer) => boolean;
  /** Runs a change's try once; the same one asked again waits for, or gets, the first outcome. Reads are just run. */
  readonly once: (call: IncomingCall, run: () => Promise<Answer>) => Promise<Answer>;
  /**
   * What became of the try of a change that another operator made in the same run, under the same lease; undefined where it was
   * never begun. Only for who may call the action now.
   */
  readonly ofRun: (call: IncomingCall) => Promise<Answer> | undefined;
  /**
   * Lets no try of a change begin any more that has not arrived: its caller has asked what became of it, and may have gone on.
   * A relay could hold it back until then.
   */
  readonly withdraw: (caller: string, requestId: string, attempt: number) => void;
  /** What became of a request's try. */
  readonly find: (caller: string, requestId: string, attempt: number) => { state: ResultState; content?: ReplyContent };
}

/** Milliseconds that an outcome can be asked for, and how many are kept at most. */
const remembered = 30 * 60_000;
const most = 5000;
/** Milliseconds between two looks for what need not be kept any longer. */
const forgetInterval = 1000;

interface RunCall {
  readonly caller: string;
  readonly place: string;
}

interface Known {
  readonly at: number;
  readonly running?: Promise<Answer>;
  readonly content?: ReplyContent;
}

/**
 * @param past the audit log's last records: nonces and outcomes from before a restart
 */
export function startCallMemory({ records, completeSince }: RecentRecords, now: () => number): CallMemory {
  const startedAt = now();
  const nonces = new Map<string, number>();
  const calls = new Map<string, Known>();
  /** By {@link runKeyOf}: who made it first, and where its outcome is in `calls`. */
  const runs = new Map<string, RunCall>();
  recall(records, now(), nonces, calls, runs);

  /** The latest try of each request that began or was withdrawn. */
  const latest = new Map<string, { readonly at: number; readonly attempt: number; readonly withdrawn: boolean }>();
  let forgotten = 0;
  const forget = () => {
    const time = now();
    // It looks at all there is: for every call, that would take longer the more calls there are.
    if (Math.abs(time - forgotten) < forgetInterval && calls.size <= most) return;
    forgotten = time;
    for (const [nonce, until] of nonces) if (until < time) nonces.delete(nonce);
    for (const [key, { at }] of calls) {
      if (at + remembered >= time && calls.size <= most) break;
      calls.delete(key);
    }
    for (const [key, { at }] of latest) {
      if (at + remembered >= time) break;
      latest.delete(key);
    }
    for (const [key, { place }] of runs) if (!calls.has(place)) runs.delete(key);
  };
  /** Tries come in order: what arrives after a later one, or after it was given up, was held back on its way. */
  const isLate = (requestKey: string, attempt: number): boolean => {
    const last = latest.get(requestKey);
    if (last !== undefined && (attempt < last.attempt || (attempt === last.attempt && last.withdrawn))) return true;
    latest.delete(requestKey);
    latest.set(requestKey, { at: now(), attempt, withdrawn: false });
    return false;
  };
  return {
    admit: (nonce, until) => {
      forget();
      const key = nonce.toString('base64');
      const before = nonces.get(key);
      if (before !== undefined && before >= now()) return false;
      nonces.set(key, until);
      return true;
    },
    covers: (time) => time >= Math.min(startedAt, completeSince),
    has: (nonce) => (nonces.get(nonce.toString('base64')) ?? Number.NEGATIVE_INFINITY) >= now(),
    once: async (call, run) => {
      if (call.action?.kind !== 'change') return await run();
      const { requestId, try: attempt } = call.opened.request;
      const key = keyOf(call.caller, requestId, attempt);
      const known = calls.get(key);
      if (known?.content !== undefined) return { content: known.content, recorded: true };
      if (known?.running !== undefined) return { ...(await known.running), recorded: true };
      if (isLate(requestKeyOf(call.caller, requestId), attempt)) {
        const message = 'this try arrived after its caller had given up: nothing was done';
        return answer(refusal(new Problem('late-try', message, 'ask again')));
      }
      const running = run();
      calls.set(key, { at: now(), running });
      claim(call.opened.request, call.caller, key, calls, runs);
      try {
        const given = await running;
        calls.set(key, { at: now(), content: given.content });
        return given;
      } catch (error) {
        calls.delete(key);
        throw error;
      }
    },
    ofRun: (call) => {
      const runKey = runKeyOf(call.opened.request);
      const made = runKey === undefined ? undefined : runs.get(runKey);
      const known = made === undefined || made.caller === call.caller ? undefined : calls.get(made.place);
      if (known?.running !== undefined) return known.running.then((given) => ({ ...given, recorded: true }));
      // A refusal was of the other operator: nothing was done.
      if (known?.content === undefined || known.content.outcome === 'refused') return undefined;
      return Promise.resolve({ content: known.content, recorded: true });
    },
    withdraw: (caller, requestId, attempt) => {
      const key = requestKeyOf(caller, requestId);
      if (calls.has(keyOf(caller, requestId, attempt)) || attempt < (latest.get(key)?.attempt ?? 0)) return;
      latest.delete(key);
      latest.set(key, { at: now(), attempt, withdrawn: true });
    },
    find: (caller, requestId, attempt) => {
      const known = calls.get(keyOf(caller, requestId, attempt));
      if (known === undefined) return { state: 'UNKNOWN' };
      return known.content === undefined ? { state: 'RUNNING' } : { state: 'REPLIED', content: known.content };
    },
  };
}

function requestKeyOf(caller: string, requestId: string): string {
  return `${caller}\0${requestId}`;
}

function keyOf(caller: string, requestId: string, attempt: number): string {
  return `${caller}\0${requestId}\0${attempt}`;
}

/** One try of a call in a run, by any of its operators; undefined outside of a lease. */
function runKeyOf({ runId, lease, requestId, try: attempt, agent, action }: Request): string | undefined {
  if (lease === '' || runId === '') return undefined;
  return [runId, lease, requestId, attempt, agent, action].join('\0');
}

/** Notes who makes a try of a run's call: the first caller that was not refused. */
function claim(
  request: Request,
  caller: string,
  place: string,
  calls: ReadonlyMap<string, Known>,
  runs: Map<string, RunCall>,
): void {
  const runKey = runKeyOf(request);
  if (runKey === undefined) return;
  const before = runs.get(runKey);
  if (before === undefined || calls.get(before.place)?.content?.outcome === 'refused')
    runs.set(runKey, { caller, place });
}

/** A record without a valid request is reported by `audit verify`; it does not keep the daemon from starting. */
function requestIn({ request }: IntentRecord): Request | undefined {
  try {
    const bytes = Buffer.from(String(request), 'base64');
    return openRequest({ request: bytes, signature: bytes, chain: [], sensitive: {} }).request;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Fills the memory from the audit log. What was begun and has no outcome was cut off when the daemon ended. */
function recall(
  past: readonly AuditRecord[],
  now: number,
  nonces: Map<string, number>,
  calls: Map<string, Known>,
  runs: Map<string, RunCall>,
): void {
  const keys = new Map<number, string>();
  for (const record of past) {
    if (Date.parse(record.time) < now - remembered) continue;
    if (record.kind === 'intent' && record.verdict === 'verified') {
      const request = requestIn(record);
      if (request === undefined) continue;
      nonces.set(request.nonce.toString('base64'), now + remembered);
      const key = keyOf(record.caller, record.request_id, record.try);
      claim(request, record.caller, key, calls, runs);
      keys.set(record.sequence, key);
      const cut = new Problem('interrupted', 'the daemon ended while this ran: whether it completed is not known');
      if (!calls.has(key)) calls.set(key, { at: now, content: failure(cut) });
    }
    const key = record.kind === 'outcome' ? keys.get(record.intent) : undefined;
    // A refused replay must not stand in for the outcome of the call that it repeats.
    if (record.kind !== 'outcome' || key === undefined || record.code === 'replayed') continue;
    const { outcome, status, code, message } = record;
    calls.set(key, { at: now, content: { outcome, status, code, message, hint: '', data: {} } });
  }
}

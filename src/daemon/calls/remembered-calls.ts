import type { AuditRecord, IntentRecord } from '../../core/audit/record.ts';
import { Problem } from '../../core/errors.ts';
import type { ProblemCode } from '../../core/problems/index.ts';
import { failure, type ReplyContent } from '../../core/request/reply.ts';
import { surplusOf } from '../../core/shares.ts';
import { type OpenedRequest, openRequest } from '../../core/request/request.ts';
import type { Request } from '../../core/wire/messages.ts';
import type { Answer } from '../incoming-call.ts';
import { type Asked, askedBy } from './asked.ts';

/** How long an outcome can be asked for, in milliseconds, and how many are kept, of all callers together. */
const keepTime = 30 * 60_000;
const most = 5000;
/** Milliseconds between two removals of expired entries. */
const forgetInterval = 1000;

interface RunCall {
  readonly caller: string;
  readonly place: string;
}

interface Known {
  readonly caller: string;
  readonly at: number;
  readonly asked: Asked;
  readonly running?: Promise<Answer>;
  readonly content?: ReplyContent;
}

interface LatestTry {
  readonly caller: string;
  readonly at: number;
  readonly attempt: number;
  readonly withdrawn: boolean;
}

/** The tables of a node's memory of calls. */
export interface RememberedCalls {
  /** The expiry of each nonce. */
  readonly nonces: Map<string, number>;
  /** By {@link keyOf}. */
  readonly calls: Map<string, Known>;
  /** By {@link runKeyOf}: the first caller, and the key of its outcome in `calls`. */
  readonly runs: Map<string, RunCall>;
  /** By {@link requestKeyOf}: the latest try of each request that began or was withdrawn. */
  readonly latest: Map<string, LatestTry>;
  forgottenAt: number;
}

export function noCalls(): RememberedCalls {
  return { nonces: new Map(), calls: new Map(), runs: new Map(), latest: new Map(), forgottenAt: 0 };
}

/** Removes entries that have expired at that time, and those beyond the limit. A call that runs stays. */
export function forget(remembered: RememberedCalls, time: number): void {
  const { nonces, calls, runs, latest } = remembered;
  // It scans all entries: at every call, that would take longer the more calls there are.
  const isFull = calls.size > most || latest.size > most;
  if (Math.abs(time - remembered.forgottenAt) < forgetInterval && !isFull) return;
  remembered.forgottenAt = time;
  for (const [nonce, until] of nonces) if (until < time) nonces.delete(nonce);
  const mayGo = ({ running }: Known) => running === undefined;
  for (const [key, call] of calls) {
    if (call.at + keepTime >= time) break;
    if (mayGo(call)) calls.delete(key);
  }
  for (const [key, { at }] of latest) {
    if (at + keepTime >= time) break;
    latest.delete(key);
  }
  dropSurplus(calls, mayGo);
  dropSurplus(latest, () => true);
  for (const [key, { place }] of runs) if (!calls.has(place)) runs.delete(key);
}

/** Drops entries until no more are left than are kept. */
function dropSurplus<Entry extends { readonly caller: string }>(
  entries: Map<string, Entry>,
  mayGo: (entry: Entry) => boolean,
): void {
  if (entries.size <= most) return;
  const leaving = surplusOf(
    entries,
    ([, { caller }]) => caller,
    ([, entry]) => mayGo(entry),
  );
  for (const [key] of leaving) {
    entries.delete(key);
    if (entries.size <= most) return;
  }
}

export function requestKeyOf(caller: string, requestId: string): string {
  return `${caller}\0${requestId}`;
}

export function keyOf(caller: string, requestId: string, attempt: number): string {
  return `${caller}\0${requestId}\0${attempt}`;
}

/** One try of a call in a run, by any of its operators; undefined outside of a lease. */
export function runKeyOf({ runId, lease, requestId, try: attempt, agent, action }: Request): string | undefined {
  if (lease === '' || runId === '') return undefined;
  return [runId, lease, requestId, attempt, agent, action].join('\0');
}

/** Records the caller of a try in a run: the first one that was not refused. */
export function claim(request: Request, caller: string, place: string, { calls, runs }: RememberedCalls): void {
  const runKey = runKeyOf(request);
  if (runKey === undefined) return;
  const before = runs.get(runKey);
  if (before === undefined || calls.get(before.place)?.content?.outcome === 'refused')
    runs.set(runKey, { caller, place });
}

/** A record without a valid request is reported by `audit verify`; it does not keep the daemon from starting. */
function requestIn({ request }: IntentRecord): OpenedRequest | undefined {
  try {
    const bytes = Buffer.from(String(request), 'base64');
    return openRequest({ request: bytes, signature: bytes, chain: [], sensitive: {} });
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Refusals of a repetition: they must not replace the outcome of the call that it repeats. */
const repeats: ReadonlySet<string> = new Set<ProblemCode>(['replayed', 'id-reused']);

/** Fills the memory from the audit log. A call without an outcome was cut off when the daemon ended. */
export function fillFromLog(remembered: RememberedCalls, records: readonly AuditRecord[], now: number): void {
  const { nonces, calls } = remembered;
  const keys = new Map<number, string>();
  for (const record of records) {
    if (Date.parse(record.time) < now - keepTime) continue;
    if (record.kind === 'intent' && record.verdict === 'verified') {
      const opened = requestIn(record);
      if (opened === undefined) continue;
      const { request } = opened;
      nonces.set(request.nonce.toString('base64'), now + keepTime);
      const key = keyOf(record.caller, record.request_id, record.try);
      claim(request, record.caller, key, remembered);
      keys.set(record.sequence, key);
      const cut = new Problem('interrupted', 'the daemon ended while this ran: whether it completed is not known');
      if (!calls.has(key)) {
        calls.set(key, { caller: record.caller, at: now, asked: askedBy(opened), content: failure(cut) });
      }
    }
    const key = record.kind === 'outcome' ? keys.get(record.intent) : undefined;
    const known = key === undefined ? undefined : calls.get(key);
    if (record.kind !== 'outcome' || key === undefined || known === undefined || repeats.has(record.code)) continue;
    const { outcome, status, code, message } = record;
    calls.set(key, { ...known, content: { outcome, status, code, message, hint: '', data: {} } });
  }
}

import { Problem } from '../../core/errors.ts';
import { callerId, type Identity } from '../../core/identity.ts';
import type { NodeService, SealedSink, TlsState } from '../../core/ports.ts';
import { type OpenedQuery, openQuery, signQueryReply } from '../../core/request/query.ts';
import { type KeyPair, signKey } from '../../core/sealed/encryption-key.ts';
import { openSealed, type TargetExchange } from '../../core/sealed/exchange.ts';
import type {
  CallReference,
  QueryReply,
  SignedKey,
  SignedQuery,
  SignedReply,
  SignedRequest,
  StoreReply,
  StoreRequest,
} from '../../core/wire/messages.ts';
import { type JudgedRequest, judgeRequest } from '../incoming-call.ts';
import { judgeTime } from '../stages/replay.ts';
import type { CallMemory } from './call-memory.ts';
import type { CallerLimiter } from './caller-limits.ts';
import { type ChargedRequests, startChargedRequests } from './charged-requests.ts';

export interface SealedParts {
  readonly identity: string;
  readonly keyPair: KeyPair;
  readonly tls: () => TlsState;
  readonly service: Pick<NodeService, 'describe' | 'turnAway' | 'artifacts'>;
  /** Serves a request that was judged just before. */
  readonly serve: (
    judged: JudgedRequest,
    relay: Identity,
    onProgress: (message: string) => void,
    signal: AbortSignal,
  ) => Promise<SignedReply>;
  readonly memory: CallMemory;
  /** The limits of callers, by name, including those of relays, for requests without a proven signer. */
  readonly limiter: CallerLimiter;
  /** Milliseconds by which clocks may differ. */
  readonly grace: number;
  /** The result of a caller's call. */
  readonly resultOf: (caller: string, reference: CallReference) => NonNullable<QueryReply['result']>;
  readonly now: () => number;
}

/**
 * Calls over a relay. The relay's connection proves nothing about the caller: each request is judged by its own
 * signature, and counts against its signer. An invalid signature counts against the relay, and never against the name
 * in it.
 */
export function defineSealedCalls(parts: SealedParts): Pick<NodeService, 'key' | 'sealed'> {
  const { identity, keyPair, tls, now } = parts;
  const createdAt = now();
  const reads = startReads();
  const charged = startChargedRequests(now);
  let signed: { readonly credentials: TlsState['credentials']; readonly key: SignedKey } | undefined;
  return {
    key: () => {
      const { credentials } = tls();
      if (signed?.credentials !== credentials) {
        signed = { credentials, key: signKey(keyPair, credentials, createdAt) };
      }
      return signed.key;
    },
    sealed: async (request, relay, sink) => {
      const exchange = openSealed(identity, keyPair, request);
      try {
        const { call, query } = exchange.envelope;
        if (call) await serveCall(call, relay, { exchange, sink, reads, charged, parts });
        else if (query) await serveQuery(query, relay, { exchange, sink, reads, charged, parts });
        else throw new Problem('malformed-message', 'the sealed request is empty');
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const { code, message, hint } = error;
        sink.send(exchange.seal({ turnAway: { code, message, hint } }, true));
      }
    },
  };
}

interface Serving {
  readonly exchange: TargetExchange;
  readonly sink: SealedSink;
  readonly reads: Reads;
  readonly charged: ChargedRequests;
  readonly parts: SealedParts;
}

async function serveCall(
  call: SignedRequest,
  relay: Identity,
  { exchange, sink, reads, charged, parts }: Serving,
): Promise<void> {
  const { serve, tls, now } = parts;
  const judged = judgeRequest(call, tls().trust, now());
  const { requestId, try: attempt } = judged.opened.request;
  const { signer, leave } = await enter(judged, relay, charged, parts);
  const caller = callerId(signer);
  const read = reads.begin(caller, requestId, attempt);
  const progress = (message: string) => {
    if (sink.isCongested()) return;
    sink.send(exchange.seal({ progress: { at: now(), message: message.slice(0, 2048) } }, false));
  };
  try {
    // Only its caller may end it, by a signature: a relay that hangs up ends nothing.
    const reply = await serve(judged, relay, progress, read.signal);
    sink.send(exchange.seal({ reply }, true));
  } finally {
    read.end();
    leave();
  }
}

/** Counts a request against its signer, or against the relay. */
async function enter(
  judged: JudgedRequest,
  relay: Identity,
  charged: ChargedRequests,
  parts: SealedParts,
): Promise<{ readonly signer: Identity; readonly leave: () => void }> {
  const { request, signed } = judged.opened;
  const caller = charged.has(request.nonce) ? undefined : callerToCharge(judged, parts);
  const signer = caller ?? relay;
  try {
    const leave = parts.limiter.enter(callerId(signer), signed.request.length);
    // At once: a copy of it may be next.
    if (caller !== undefined) charged.note(request.nonce, request.issuedAt + request.timeToLive + parts.grace);
    return { signer, leave };
  } catch (error) {
    if (error instanceof Problem) await parts.service.turnAway(relay, error, signed);
    throw error;
  }
}

/**
 * The proven caller of a request that is valid here and now; undefined if nobody is proven, or if it was for another
 * node, another time, or received before. All of those go through the pipeline, are recorded and refused, and count
 * against the relay.
 */
function callerToCharge(
  { opened: { request }, verification }: JudgedRequest,
  { identity, memory, grace, now }: SealedParts,
): Identity | undefined {
  if ('problem' in verification) return undefined;
  const isDue = request.target === identity && judgeTime(request, now(), grace) === undefined;
  return isDue && !memory.hasNonce(request.nonce) ? verification.caller.identity : undefined;
}

async function serveQuery(
  signed: SignedQuery,
  relay: Identity,
  { exchange, sink, reads, parts }: Serving,
): Promise<void> {
  const { tls, service, limiter, resultOf } = parts;
  const { query, caller } = judged(
    () => admitQuery(signed, parts),
    () => limiter.enter(callerId(relay), 0)(),
  );
  // A part of an artifact does not go into the audit log: its size does not count, unlike that of a request.
  const leave = limiter.enter(callerId(caller.identity), query.store ? 0 : signed.query.length);
  try {
    const name = callerId(caller.identity);
    if (query.cancel) reads.cancel(name, query.cancel);
    const content: Pick<QueryReply, 'description' | 'result' | 'store'> = {};
    if (query.describe) content.description = await service.describe(query.describe, caller.identity);
    if (query.result) content.result = resultOf(name, query.result);
    if (query.store) content.store = await store(query.store, caller.identity, service);
    const answer = signQueryReply(content, signed.query, tls().credentials);
    sink.send(exchange.seal({ answer }, true));
  } finally {
    leave();
  }
}

async function store(
  request: StoreRequest,
  caller: Identity,
  { artifacts }: Pick<NodeService, 'artifacts'>,
): Promise<StoreReply> {
  const holder = artifacts?.();
  if (holder === undefined) throw new Problem('not-publishing', 'this node does not take published artifacts');
  return await holder.store(request, caller);
}

/** @throws Problem when the query was not signed by its caller for this node and this time, or is a repetition */
function admitQuery(signed: SignedQuery, { identity, tls, memory, grace, now }: SealedParts): OpenedQuery {
  const opened = openQuery(signed, tls().trust, now());
  const { query } = opened;
  if (query.target !== identity) {
    throw new Problem('wrong-target', `the query is for ${query.target}, and this is ${identity}`);
  }
  const late = judgeTime(query, now(), grace);
  if (late !== undefined) throw late;
  if (!memory.registerNonce(query.nonce, query.issuedAt + query.timeToLive + grace)) {
    throw new Problem('replayed', 'this query was received before');
  }
  return opened;
}

/** A query that must not be answered counts against the relay that delivered it. */
function judged<T>(open: () => T, charge: () => void): T {
  try {
    return open();
  } catch (error) {
    charge();
    throw error;
  }
}

/** Calls over a relay that their callers can end. */
interface Reads {
  readonly begin: (
    caller: string,
    requestId: string,
    attempt: number,
  ) => { readonly signal: AbortSignal; readonly end: () => void };
  readonly cancel: (caller: string, call: CallReference) => void;
}

function startReads(): Reads {
  const running = new Map<string, AbortController>();
  const keyOf = (caller: string, requestId: string, attempt: number) => `${caller}\0${requestId}\0${attempt}`;
  return {
    begin: (caller, requestId, attempt) => {
      const controller = new AbortController();
      const key = keyOf(caller, requestId, attempt);
      running.set(key, controller);
      return {
        signal: controller.signal,
        end: () => {
          if (running.get(key) === controller) running.delete(key);
        },
      };
    },
    cancel: (caller, { requestId, try: attempt }) => running.get(keyOf(caller, requestId, attempt))?.abort(),
  };
}

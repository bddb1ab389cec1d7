import type { AgentEntry } from '../core/agent.ts';
import { fileProblem } from '../core/files/file-problem.ts';
import { Problem } from '../core/errors.ts';
import { callerId, type Identity } from '../core/identity.ts';
import type { Log, NodeService, TlsState } from '../core/ports.ts';
import { digestRequest, refusal, sealReply } from '../core/request/reply.ts';
import type { ArtifactHolder } from '../core/publish/holder.ts';
import type { KeyPair } from '../core/sealed/encryption-key.ts';
import type { CallReference, HeadCheck, SignedReply, SignedRequest } from '../core/wire/messages.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { type Answer, answer, type Handle, type JudgedRequest, judgeRequest, openCall } from './incoming-call.ts';
import { askedBy } from './calls/asked.ts';
import type { CallMemory } from './calls/call-memory.ts';
import type { CallerLimiter } from './calls/caller-limits.ts';
import type { Counters } from './metrics/counters.ts';
import { type Describable, describeNode } from './describe.ts';
import type { StrangerLog } from './audit/stranger-log.ts';
import { defineSealedCalls, type SealedParts } from './calls/sealed-calls.ts';
import { defineTurnAway } from './calls/turn-away.ts';

export interface ServiceParts {
  /** The enabled agents. */
  readonly agents: () => readonly AgentEntry[];
  readonly tls: () => TlsState;
  readonly handle: Handle;
  readonly memory: CallMemory;
  readonly audit: AuditLog;
  readonly strangers: StrangerLog;
  readonly callerLimiter: CallerLimiter;
  /** Limits nodes that deliver requests signed by others; each of these requests also counts against its signer. */
  readonly relayLimiter: CallerLimiter;
  readonly identity: string;
  /** The key that requests over relays are sealed to. */
  readonly keyPair: KeyPair;
  /** Milliseconds by which clocks may differ. */
  readonly grace: number;
  readonly counters: Counters;
  readonly describable: () => Promise<Describable>;
  readonly artifacts: () => ArtifactHolder | undefined;
  readonly isServing: () => boolean;
  readonly now: () => number;
  readonly log: Log;
}

/** The node's side of the wire: opens requests, sends them through the pipeline, signs the replies. */
export function defineService(parts: ServiceParts): NodeService {
  const { tls, now, identity, keyPair, memory, callerLimiter, grace } = parts;
  const turnAway = defineTurnAway(parts);
  const serve: SealedParts['serve'] = (...call) => serveCall(parts, ...call);
  const service = {
    isServing: parts.isServing,
    artifacts: parts.artifacts,
    enter: (peer, bytes) => (peer.kind === 'node' ? parts.relayLimiter : callerLimiter).enter(callerId(peer), bytes),
    call: async (signed, peer, onProgress, gone) => {
      const judged = noting(() => judgeRequest(signed, tls().trust, now()), peer, parts.strangers);
      return serve(judged, peer, onProgress, gone);
    },
    result: async (signed, peer) => {
      const call = noting(() => openProven(signed, peer, parts), peer, parts.strangers);
      const { requestId, try: attempt, issuedAt } = call.opened.request;
      const { state, content } = parts.memory.find(call.caller, requestId, attempt, askedBy(call.opened));
      if (content === undefined) return { state };
      const headCheck = await checkHead(call, parts.audit);
      const answer = { content, recorded: true };
      return { state, reply: seal({ ...call, headCheck, answer }, issuedAt, parts) };
    },
    describe: async (request) => ({
      ...describeNode(request, await parts.describable(), now()),
      daemon: keyPair.id,
    }),
    turnAway: async (...refused) => {
      try {
        await turnAway(...refused);
      } catch (error) {
        parts.log.error({ err: error }, 'a refusal could not be recorded');
      }
    },
  } satisfies Omit<NodeService, 'key' | 'sealed'>;
  const resultOf = (caller: string, reference: CallReference) => findResult(caller, reference, parts);
  return {
    ...service,
    ...defineSealedCalls({
      identity,
      keyPair,
      tls,
      serve,
      service,
      memory,
      limiter: callerLimiter,
      grace,
      resultOf,
      now,
    }),
  };
}

/** Sends a request whose signature was just checked through the pipeline, and signs the reply. @throws Problem `not-serving` */
async function serveCall(
  parts: ServiceParts,
  judged: JudgedRequest,
  peer: Identity,
  onProgress: (message: string) => void,
  gone: AbortSignal,
): Promise<SignedReply> {
  if (!parts.isServing()) throw new Problem('not-serving', 'the daemon is stopping', 'call again when it runs');
  const startedAt = parts.now();
  const opened = openCall(judged, peer, parts.agents());
  const call = { ...opened, headCheck: await checkHead(opened, parts.audit), onProgress, gone };
  const answer = await guarded(() => parts.handle(call), parts.log, call.opened.request.requestId);
  parts.counters.count(answer);
  parts.log.info(summary(call, answer, parts.now() - startedAt), 'request');
  return seal({ ...call, answer }, startedAt, parts);
}

/** Only for proven callers, because it searches the files for an old record. */
async function checkHead({ opened, verification }: OpenedCall, audit: AuditLog): Promise<HeadCheck> {
  const { knownSequence: sequence, knownHash } = opened.request;
  if (sequence === 0 || 'problem' in verification) return 'UNCHECKED';
  return (await audit.continues({ sequence, hash: knownHash.toString('hex') })) ? 'CONTINUES' : 'BROKEN';
}

/** The result of a call, for a caller that asks over a relay: a call that has not arrived by now never begins. */
function findResult(caller: string, { requestId, try: attempt, requestDigest }: CallReference, parts: ServiceParts) {
  const { memory, audit, tls, now } = parts;
  memory.withdraw(caller, requestId, attempt);
  const { state, content } = memory.find(caller, requestId, attempt);
  if (content === undefined) return { state };
  const times = { startedAt: now(), finishedAt: now() };
  const fields = { requestId, try: attempt, requestDigest, ...times, recorded: true };
  const envelope = { ...fields, auditHead: audit.head(), headCheck: 'UNCHECKED' } as const;
  return { state, reply: sealReply(content, envelope, tls().credentials) };
}

type OpenedCall = ReturnType<typeof openCall>;

function openProven(signed: SignedRequest, peer: Identity, { agents, tls, now }: ServiceParts): OpenedCall {
  const call = openCall(judgeRequest(signed, tls().trust, now()), peer, agents());
  if ('problem' in call.verification) throw call.verification.problem;
  // Signed requests are in audit logs: a copy of one must not be enough to learn the reply.
  if (callerId(peer) !== call.caller) {
    throw new Problem('wrong-caller', `the request is of ${call.caller}, and ${callerId(peer)} asks for its result`);
  }
  return call;
}

/** What cannot be recorded is logged, with its sender. */
function noting<T>(open: () => T, peer: Identity, strangers: StrangerLog): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof Problem) strangers.note(`${peer.kind} ${peer.name}`, error.message);
    throw error;
  }
}

/** One bad request never harms another: an unexpected failure is logged here and reported as an internal error. */
async function guarded(handle: () => Promise<Answer>, log: Log, requestId: string): Promise<Answer> {
  try {
    return await handle();
  } catch (error) {
    log.error({ err: error, request: requestId }, 'the pipeline failed');
    const known = error instanceof Problem ? error : fileProblem(error);
    return answer(refusal(known ?? new Problem('internal', 'internal error: see the log of the node')));
  }
}

function seal(
  { opened, headCheck, answer }: OpenedCall & { readonly headCheck: HeadCheck; readonly answer: Answer },
  startedAt: number,
  parts: ServiceParts,
): SignedReply {
  const { requestId, try: attempt } = opened.request;
  const envelope = {
    requestId,
    try: attempt,
    requestDigest: digestRequest(opened.signed.request),
    startedAt,
    finishedAt: parts.now(),
    recorded: answer.recorded,
    auditHead: parts.audit.head(),
    headCheck,
  };
  return sealReply(answer.content, envelope, parts.tls().credentials);
}

function summary({ opened, caller }: OpenedCall, { content }: Answer, elapsed: number): object {
  const { requestId, agent, action } = opened.request;
  return { request: requestId, caller, agent, action, outcome: content.outcome, code: content.code, ms: elapsed };
}

import type { AgentEntry } from '../core/agent.ts';
import type { ProvenCertificate, Trust } from '../core/credentials/proof.ts';
import { type ActionDdl, actionOf } from '../core/ddl/ddl.ts';
import { Problem } from '../core/errors.ts';
import { callerId, type Identity } from '../core/identity.ts';
import type { JsonObject } from '../core/json.ts';
import type { ReplyContent } from '../core/request/reply.ts';
import { type OpenedRequest, openRequest, proveCaller } from '../core/request/request.ts';
import type { HeadCheck, SignedRequest } from '../core/wire/messages.ts';

/** A request on its way through the pipeline. Stages add to it by passing on a copy. */
export interface IncomingCall {
  readonly opened: OpenedRequest;
  /** The peer whose connection delivered it: not always the caller. */
  readonly peer: Identity;
  /** Its caller, or why the caller is not proven. */
  readonly verification: { readonly caller: ProvenCertificate } | { readonly problem: Problem };
  /** In the form of policies and the audit log; only a claim if the verification failed. */
  readonly caller: string;
  /** The enabled agent in the request, aliases resolved. */
  readonly entry: AgentEntry | undefined;
  readonly action: ActionDdl | undefined;
  /** Validated, with sensitive values and defaults in place; set by *validate*. */
  readonly input: JsonObject;
  /** Whether the audit log continues the head that the caller knows. */
  readonly headCheck: HeadCheck;
  readonly onProgress: (message: string) => void;
  /** Aborted when the caller is gone. */
  readonly gone: AbortSignal;
  /** The number of its record in the audit log; set by *record*. */
  readonly intent?: number;
  /** Why its lease no longer allows it to begin, or undefined; set by *lease* if the request names one. */
  readonly recheck?: () => Problem | undefined;
  /** Why its caller may not call it any more, or undefined; set by *authorize*. */
  readonly reauthorize?: () => Promise<Problem | undefined>;
  /** Aborted when someone with the right to do so cancels it; set by *detach*. */
  readonly cancelled?: AbortSignal;
}

/** The applications that the caller's certificate is limited to; undefined: it is not limited. */
export function limitsOf({ verification }: Pick<IncomingCall, 'verification'>): readonly string[] | undefined {
  return 'caller' in verification ? verification.caller.identity.applications : undefined;
}

/** The result of a stage: the content of the reply, and whether it repeats an earlier one. */
export interface Answer {
  readonly content: ReplyContent;
  readonly recorded: boolean;
}

export type Handle = (call: IncomingCall) => Promise<Answer>;

/** Passes a call to the next stage or replies to it. */
export type Stage = (next: Handle) => Handle;

export function answer(content: ReplyContent): Answer {
  return { content, recorded: false };
}

/** Stages in the order of the pipeline. */
export function pipeline(stages: readonly Stage[]): Handle {
  const end: Handle = () => Promise.reject(new Problem('internal', 'no stage answered the call'));
  return stages.reduceRight((next, stage) => stage(next), end);
}

/** A decoded request, and its caller or why none is proven. */
export type JudgedRequest = Pick<IncomingCall, 'opened' | 'verification'>;

/** Decodes a request and proves its caller. @throws Problem as {@link openRequest} */
export function judgeRequest(signed: SignedRequest, trust: Trust, now: number): JudgedRequest {
  const opened = openRequest(signed);
  return { opened, verification: judge(opened, trust, now) };
}

/** Resolves the agent and action of a request. */
export function openCall(
  { opened, verification }: JudgedRequest,
  peer: Identity,
  agents: readonly AgentEntry[],
): Omit<IncomingCall, 'onProgress' | 'gone' | 'headCheck'> {
  const { request } = opened;
  const entry = agents.find(({ ddl }) => ddl.name === request.agent || ddl.aliases?.includes(request.agent) === true);
  return {
    opened,
    peer,
    verification,
    caller: 'caller' in verification ? callerId(verification.caller.identity) : request.caller,
    entry,
    action: entry === undefined ? undefined : actionOf(entry.ddl, request.action),
    input: {},
  };
}

function judge(opened: OpenedRequest, trust: Trust, now: number): IncomingCall['verification'] {
  try {
    return { caller: proveCaller(opened, trust, now) };
  } catch (error) {
    if (error instanceof Problem) return { problem: error };
    throw error;
  }
}

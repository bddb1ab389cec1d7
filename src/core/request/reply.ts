import type { ProblemCode } from '../problems/index.ts';
import { hash } from 'node:crypto';
import { chainOf, type Credentials, sign } from '../credentials/signature.ts';
import type { Trust } from '../credentials/proof.ts';
import { Problem } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { protocolVersion, replyCodec } from '../wire/codec.ts';
import { proveReply } from './prove-reply.ts';
import type { AuditHead, HeadCheck, Reply, ReplyOutcome, SignedReply } from '../wire/messages.ts';

/** Reply status codes of the SimpleRPC family. */
export const replyStatus = {
  ok: 0,
  failed: 1,
  unknownAction: 2,
  missingInput: 3,
  invalidInput: 4,
  other: 5,
} as const;

/** The outcome of a call on a node, before it is signed. */
export interface ReplyContent {
  readonly outcome: ReplyOutcome;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The outcome of one node as a client sees it; `no-response` and `cancelled` may come from the client itself. */
export interface Outcome extends Omit<ReplyContent, 'outcome'> {
  readonly node: string;
  readonly outcome: ReplyOutcome | 'no-response';
  /** Milliseconds from sending to reply, by the client's clock. */
  readonly elapsed: number;
  readonly auditHead?: AuditHead;
  readonly headCheck?: HeadCheck;
}

export function okReply(data: Readonly<Record<string, unknown>>): ReplyContent {
  return { outcome: 'ok', status: replyStatus.ok, code: '', message: '', hint: '', data };
}

/**
 * A handler throws this when the status and the data of its failure matter too; any other Problem is status 1 without
 * data.
 */
export class FailedReply extends Problem {
  readonly status: number;
  readonly data: JsonObject;

  constructor(code: ProblemCode, message: string, status: number, data: JsonObject) {
    super(code, message);
    this.status = status;
    this.data = data;
  }
}

/** A request that was refused before the action. */
export function refusal(problem: Problem, status: number = replyStatus.other): ReplyContent {
  return { outcome: 'refused', status, code: problem.code, message: problem.message, hint: problem.hint, data: {} };
}

/** An action that began and failed. */
export function failure(problem: Problem, outcome: 'failed' | 'cancelled' = 'failed'): ReplyContent {
  const { code, message, hint } = problem;
  const { status, data } = problem instanceof FailedReply ? problem : { status: replyStatus.failed, data: {} };
  return { outcome, status, code, message, hint, data };
}

export function digestRequest(request: Uint8Array): Buffer {
  return hash('sha256', request, 'buffer');
}

export interface ReplyEnvelope {
  readonly requestId: string;
  readonly try: number;
  /** {@link digestRequest} of the signed bytes. */
  readonly requestDigest: Buffer;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly recorded: boolean;
  readonly auditHead: AuditHead | null;
  /** Whether the node's audit log continues the end that the request named. */
  readonly headCheck: HeadCheck;
}

export function sealReply(content: ReplyContent, envelope: ReplyEnvelope, node: Credentials): SignedReply {
  const { data, ...fields } = content;
  const reply = replyCodec.encode({
    ...fields,
    ...envelope,
    protocol: protocolVersion,
    node: node.identity.name,
    data: Buffer.from(JSON.stringify(data)),
  });
  return { reply, signature: sign('reply', reply, node.key), chain: chainOf(node) };
}

const read = new WeakMap<Uint8Array, Reply>();

/** What is in a reply, read once; nothing of it is proven yet. @throws Problem `malformed-message` */
export function readReply({ reply }: SignedReply): Reply {
  const known = read.get(reply) ?? replyCodec.decode(reply);
  read.set(reply, known);
  return known;
}

/**
 * Opens a reply and proves that it comes from the target node and answers exactly this request.
 * @throws Problem `bad-reply`, or as {@link proveReply}
 */
export function openReply(
  signed: SignedReply,
  requestBytes: Uint8Array,
  node: string,
  trust: Trust,
  now: number,
): Reply {
  const reply = proveReply('reply', signed, node, { trust, now, read: () => readReply(signed) });
  if (!digestRequest(requestBytes).equals(reply.requestDigest)) {
    throw new Problem('bad-reply', `the reply of ${node} belongs to another request`);
  }
  return reply;
}

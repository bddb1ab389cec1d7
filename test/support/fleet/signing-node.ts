import { Problem } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { NodeConnection } from '../../../src/core/ports.ts';
import {
  digestRequest,
  okReply,
  type ReplyContent,
  type ReplyEnvelope,
  sealReply,
} from '../../../src/core/request/reply.ts';
import { openRequest, revealInput } from '../../../src/core/request/request.ts';
import type { Request, ResultReply, SignedReply, SignedRequest } from '../../../src/core/wire/messages.ts';
import type { FoundNode } from '../../../src/discovery/findings.ts';
import type { Member } from './fleet.ts';

/** A request as it arrives. */
export interface ArrivedRequest extends Request {
  /** Its arguments as they are signed: the sensitive ones are only commitments. */
  readonly input: JsonObject;
  /** Its arguments as the agent receives them. */
  readonly given: JsonObject;
}

export type Answer = (
  request: ArrivedRequest,
  signal: AbortSignal,
  onProgress: (message: string) => void,
) => Promise<ReplyContent> | ReplyContent;

export interface SigningNodeOptions {
  /** What it answers to a call; `ok` without data if omitted. A Problem that it throws is the connection's. */
  readonly answer?: Answer;
  /** What it answers to a question for the result of a call. */
  readonly result?: (sent: SignedRequest, ask: number) => Promise<ResultReply> | ResultReply;
  /** More of the envelope of its replies. */
  readonly envelope?: (request: ArrivedRequest) => Partial<ReplyEnvelope>;
}

/** A node in memory behind an open connection: it reads sealed requests and signs its replies, with a real certificate. */
export interface SigningNode {
  readonly found: FoundNode;
  /** The calls that arrived, in order. */
  readonly calls: ArrivedRequest[];
  /** How many questions for a result arrived. */
  readonly asked: () => number;
  /** A signed reply to a request. */
  readonly reply: (sent: SignedRequest, content?: ReplyContent) => SignedReply;
  readonly isClosed: () => boolean;
}

export function signingNode(node: Member, agents: readonly string[], options: SigningNodeOptions = {}): SigningNode {
  const { name } = node.identity;
  const { answer = () => okReply({}), envelope = () => ({}) } = options;
  const calls: ArrivedRequest[] = [];
  let [asked, closed] = [0, false];
  const open = (sent: SignedRequest): ArrivedRequest => {
    const opened = openRequest(sent);
    return { ...opened.request, input: opened.shown, given: revealInput(opened) };
  };
  const reply = (sent: SignedRequest, content: ReplyContent = okReply({})) => {
    const request = open(sent);
    const usual = { startedAt: 1, finishedAt: 2, recorded: true, auditHead: null, headCheck: 'UNCHECKED' } as const;
    const { requestId, try: attempt } = request;
    const own = { requestId, try: attempt, requestDigest: digestRequest(sent.request), ...usual, ...envelope(request) };
    return sealReply(content, own, node.credentials);
  };
  const connection: NodeConnection = {
    name,
    describe: () => Promise.reject(new Error('it is described already')),
    store: () => Promise.reject(new Error('nothing is stored here')),
    call: async (sent, onProgress, signal) => {
      const request = open(sent);
      calls.push(request);
      return reply(sent, await Promise.race([answer(request, signal, onProgress), untilCancelled(signal)]));
    },
    result: async (sent) => {
      asked++;
      return (await options.result?.(sent, asked)) ?? { state: 'UNKNOWN', reply: null };
    },
    close: () => {
      closed = true;
    },
  };
  const description: FoundNode['description'] = {
    identity: name,
    version: '0.1.0',
    protocol: 1,
    matched: true,
    agents: agents.map((agent) => ({ name: agent, version: '1', ddl: Buffer.alloc(0) })),
    classes: [],
    facts: Buffer.from('{}'),
    peers: [],
    warnings: [],
    duplicates: [],
    time: 0,
    incomplete: [],
    published: [],
    daemon: Buffer.alloc(0),
  };
  const found = { name, addresses: [], connection, description, elapsed: 1 };
  return { found, calls, asked: () => asked, reply, isClosed: () => closed };
}

/** As gRPC reports a call whose signal was aborted. */
function untilCancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const cancel = () => reject(new Problem('cancelled', 'the call was cancelled'));
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}

/** What a node replies to a call that it refuses or in which it fails. */
export function unwell(outcome: 'refused' | 'failed' | 'cancelled', { code, message, hint }: Problem): ReplyContent {
  return { outcome, status: 5, code, message, hint, data: {} };
}

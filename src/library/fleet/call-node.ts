import { setTimeout as sleep } from 'node:timers/promises';
import { type CallOptions, sealRequest } from '../../core/request/request.ts';
import type { Credentials } from '../../core/credentials/signature.ts';
import { parseCertificate, releaseCertificate } from '../../core/credentials/certificate.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import { startAnswerDeadline } from '../../core/waiting/deadline.ts';
import { Problem, TurnedAway } from '../../core/errors.ts';
import { ownBytes } from '../../core/bytes.ts';
import { parseJsonObject } from '../../core/json.ts';
import type { NodeConnection } from '../../core/ports.ts';
import { type Outcome, openReply, replyStatus } from '../../core/request/reply.ts';
import type { AuditHead, SignedReply, SignedRequest } from '../../core/wire/messages.ts';
import type { Heads, KnownHead } from './heads.ts';

export interface Caller {
  readonly credentials: Credentials;
  readonly trust: Trust;
  /** The heads of the nodes' audit logs. */
  readonly heads?: Heads;
}

export interface NodeCallSettings {
  /** Milliseconds to wait for the reply. */
  readonly timeout: number;
  /** Whether the action changes anything, so that a lost reply is worth asking for. */
  readonly changes: boolean;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Calls one node once. Never throws: every failure is an outcome. */
export async function callNode(
  connection: NodeConnection,
  options: CallOptions,
  caller: Caller,
  settings: NodeCallSettings,
): Promise<Outcome> {
  const startedAt = Date.now();
  const headBefore = caller.heads?.known(options.target);
  const distrusted = caller.heads?.distrust(options.target);
  if (distrusted !== undefined && settings.changes) return notSent(options.target, distrusted);
  const began = performance.now();
  const known = headBefore === undefined ? {} : { known: headBefore };
  const signed = sealRequest(
    {
      ...known,
      ...options,
      deadline: options.deadline || (options.detach === true ? 0 : startedAt + settings.timeout),
    },
    caller.credentials,
    startedAt,
  );
  const deadline = startAnswerDeadline(settings.timeout, [settings.signal]);
  const elapsed = () => performance.now() - began;
  try {
    // A call that was given up before it was sent is not sent at all.
    if (settings.signal.aborted) throw new Problem('cancelled', `the call to ${options.target} was cancelled`);
    const reply = await sendAndAsk(connection, signed, deadline.signal, settings);
    const outcome = { ...outcomeOf(reply, signed, options.target, caller.trust), elapsed: elapsed() };
    const kept = await keepHead(outcome, reply, caller.heads, headBefore);
    for (const certificate of reply.chain.slice(0, 1)) releaseCertificate(certificate);
    return kept;
  } catch (error) {
    return { ...lost(error, options.target, deadline.passed()), elapsed: elapsed() };
  } finally {
    deadline.end();
  }
}

/** A node that is not trusted is not asked to change anything until an operator has investigated. */
function notSent(node: string, { code, message, hint }: Problem): Outcome {
  const content = { status: replyStatus.other, code, message: `nothing was sent: ${message}`, hint, data: {} };
  return { node, outcome: 'refused', ...content, elapsed: 0 };
}

/** Fails the call of a node whose audit log was cut or rewritten, whatever its reply. */
async function keepHead(
  outcome: Outcome,
  { chain }: SignedReply,
  heads: Heads | undefined,
  before: KnownHead | undefined,
): Promise<Outcome> {
  const { node, auditHead, headCheck = 'UNCHECKED' } = outcome;
  const [leaf] = chain;
  if (heads === undefined || auditHead === undefined || leaf === undefined) return outcome;
  const wrong = heads.take(node, auditHead, parseCertificate(leaf), before, headCheck);
  if (wrong === undefined) return outcome;
  // At once: the proof must outlive this process.
  await heads.save().catch(() => {});
  const { code, message, hint } = wrong;
  const replied = `${message} (its reply was: ${outcome.outcome}${outcome.code === '' ? '' : `, ${outcome.code}`})`;
  return { ...outcome, outcome: 'failed', status: replyStatus.other, code, message: replied, hint };
}

async function sendAndAsk(
  connection: NodeConnection,
  signed: SignedRequest,
  signal: AbortSignal,
  { changes, onProgress }: NodeCallSettings,
): Promise<SignedReply> {
  try {
    return await connection.call(signed, onProgress, signal, !changes);
  } catch (error) {
    const mayBeAsked = changes && error instanceof Problem && error.code === 'no-response' && !signal.aborted;
    const found = mayBeAsked ? await askResult(connection, signed, signal) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

/** Milliseconds between queries for a lost reply, and how many of them may fail because the node cannot be reached. */
const askInterval = 500;
const unreachableTries = 6;

/** Asks for the outcome of a call whose reply was lost; the call itself is never sent again. */
async function askResult(
  connection: NodeConnection,
  signed: SignedRequest,
  signal: AbortSignal,
): Promise<SignedReply | undefined> {
  for (let unreachable = 0; unreachable < unreachableTries; ) {
    await sleep(askInterval, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    try {
      const { state, reply } = await connection.result(signed, signal);
      if (state !== 'RUNNING') return reply ?? undefined;
    } catch {
      unreachable++;
    }
  }
  return undefined;
}

type Unmeasured = Omit<Outcome, 'elapsed'>;

function outcomeOf(signedReply: SignedReply, signed: SignedRequest, node: string, trust: Trust): Unmeasured {
  const reply = openReply(signedReply, signed.request, node, trust, Date.now());
  const { outcome, status, code, message, hint, auditHead, headCheck } = reply;
  const data = parseJsonObject(reply.data, `the data of ${node}`);
  const head = auditHead === null ? {} : { auditHead: ownHead(auditHead), headCheck };
  return { node, outcome, status, code, message, hint, data, ...head };
}

/** Outcomes are kept until all nodes have replied: with slices, the whole message of each would be. */
function ownHead({ sequence, hash, signature }: AuditHead): AuditHead {
  return { sequence, hash: ownBytes(hash), signature: ownBytes(signature) };
}

function lost(error: unknown, node: string, timedOut: boolean): Unmeasured {
  const content = { node, status: replyStatus.other, hint: '', data: {} };
  if (!(error instanceof Problem)) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...content, outcome: 'failed', code: 'internal', message };
  }
  const { code, message, hint } = error;
  if (timedOut)
    return { ...content, outcome: 'no-response', code: 'no-response', message: `${node} did not answer in time` };
  if (error instanceof TurnedAway) return { ...content, outcome: 'refused', code, message, hint };
  if (code === 'cancelled') return { ...content, outcome: 'cancelled', code, message };
  if (code === 'no-response' || code === 'unreachable' || code === 'not-serving')
    return { ...content, outcome: 'no-response', code, message, hint };
  return { ...content, outcome: 'failed', code, message, hint };
}

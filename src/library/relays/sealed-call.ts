import { Problem, TurnedAway } from '../../core/errors.ts';
import type { ProblemCode } from '../../core/problems/index.ts';
import { openQueryReply, type QueryContent, signQuery } from '../../core/request/query.ts';
import { digestRequest } from '../../core/request/reply.ts';
import type { KeyPair } from '../../core/sealed/encryption-key.ts';
import { sealTo } from '../../core/sealed/exchange.ts';
import { requestCodec } from '../../core/wire/codec.ts';
import type {
  Envelope,
  EnvelopeReply,
  QueryReply,
  SealedEvent,
  SignedReply,
  SignedRequest,
} from '../../core/wire/messages.ts';
import { within } from '../../core/waiting/or-aborted.ts';
import type { Caller } from '../fleet/call-node.ts';
import type { Route } from './routes.ts';

export interface SealedOptions {
  readonly caller: Pick<Caller, 'credentials' | 'trust'>;
  /** Of this command. */
  readonly keyPair: KeyPair;
  /** Called when the node has replied: its key is the current one. */
  readonly onReply: (route: Route) => void;
  /** Given what a node must still be asked after its call was given up, which never fails: the relays stay connected until then. */
  readonly onCancelling: (cancelling: Promise<unknown>) => void;
}

/** One way to a node. */
export interface SealedWay extends SealedOptions {
  readonly name: string;
  readonly route: Route;
}

/** Milliseconds for a node to be asked to end a call. */
const cancelTimeout = 1000;

/** Sends a call over one way, and asks for its reply if the node refuses it before the pipeline. */
export async function callOver(
  way: SealedWay,
  request: SignedRequest,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<SignedReply> {
  const onAbort = () => {
    // Signed: a relay that hangs up does not cancel a call, and no relay can cancel one by itself.
    const cancel = referenceTo(request);
    const given = AbortSignal.timeout(cancelTimeout);
    // Also if the relay is lost, and connecting to it again takes longer.
    const asked = within(ask(way, { cancel }, given), cancelTimeout, given);
    way.onCancelling(asked.catch(() => undefined));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { reply } = await exchange(way, { call: request }, signal, onProgress).catch(async (error: unknown) => ({
      reply: await replyDespite(error, way, request, signal),
    }));
    if (!reply) throw new Problem('bad-reply', `${way.name} ended the call without a reply`);
    return reply;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * A node that refuses a request before the pipeline may have served an earlier copy of it, which a relay made: so it is
 * asked for a reply.
 * @throws the reason of the refusal, if the node has no reply to it
 */
async function replyDespite(
  error: unknown,
  way: SealedWay,
  request: SignedRequest,
  signal: AbortSignal,
): Promise<SignedReply> {
  if (!(error instanceof TurnedAway)) throw error;
  const answered = await ask(way, { result: referenceTo(request) }, signal).catch(() => undefined);
  if (!answered?.result?.reply) throw error;
  return answered.result.reply;
}

/** What names a call, for questions about it. */
export function referenceTo({ request }: SignedRequest) {
  const { requestId, try: attempt } = requestCodec.decode(request);
  return { requestId, try: attempt, requestDigest: digestRequest(request) };
}

/** Asks a node over one way, by a signed query. */
export async function ask(way: SealedWay, content: QueryContent, signal: AbortSignal): Promise<QueryReply> {
  const { name, caller } = way;
  const { credentials, trust } = caller;
  const query = signQuery(name, content, credentials, Date.now());
  const { answer } = await exchange(way, { query }, signal, () => {});
  if (!answer) throw new Problem('bad-reply', `${name} did not reply to what it was asked`);
  return openQueryReply(answer, query.query, name, trust, Date.now());
}

/**
 * Sends one sealed request. @returns the last part of the reply, as soon as it arrives
 * @throws Problem `no-response` when the relay ends it before, TurnedAway when the node did not read it
 */
async function exchange(
  { name, route, keyPair, onReply }: SealedWay,
  envelope: Envelope,
  signal: AbortSignal,
  onProgress: (message: string) => void,
): Promise<EnvelopeReply> {
  const { link, publicKey } = route;
  const relay = await link.open();
  const sealed = sealTo(name, publicKey, keyPair, envelope);
  const ending = await new Promise<EnvelopeReply>((resolve, reject) => {
    let hasReplied = false;
    const onEvent = (event: SealedEvent) => {
      const part = opened(() => sealed.open(event));
      if (part?.progress) onProgress(part.progress.message);
      else if (part !== undefined && event.last) {
        hasReplied = true;
        resolve(part);
      }
    };
    // Once the node itself has replied, the relay's report no longer counts, and no error is made of it.
    relay.forward(name, sealed.request, onEvent, signal).then(() => {
      if (!hasReplied) reject(new Problem('no-response', `${name} did not answer over the relay ${link.name}`));
    }, reject);
  });
  onReply(route);
  const { turnAway } = ending;
  // A newer node may send a code that this version does not know: it is passed on as it came.
  if (turnAway) throw new TurnedAway(turnAway.code as ProblemCode, turnAway.message, turnAway.hint);
  return ending;
}

/** A part that does not open was not sealed by the node, or is out of order: it is ignored. */
function opened(open: () => EnvelopeReply): EnvelopeReply | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

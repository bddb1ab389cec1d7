import { Problem, TurnedAway } from '../../core/errors.ts';
import type { ProblemCode } from '../../core/problems/index.ts';
import type { NodeConnection } from '../../core/ports.ts';
import { openQueryReply, type QueryContent, signQuery } from '../../core/request/query.ts';
import { digestRequest, readReply } from '../../core/request/reply.ts';
import type { KeyPair } from '../../core/sealed/encryption-key.ts';
import { sealTo } from '../../core/sealed/exchange.ts';
import { requestCodec } from '../../core/wire/codec.ts';
import type {
  Envelope,
  EnvelopeReply,
  QueryReply,
  ResultReply,
  SealedEvent,
  SignedReply,
  SignedRequest,
} from '../../core/wire/messages.ts';
import type { Caller } from '../fleet/call-node.ts';
import type { Route } from './routes.ts';

export interface RelayedOptions {
  readonly caller: Pick<Caller, 'credentials' | 'trust'>;
  /** Of this command. */
  readonly keyPair: KeyPair;
  /** The way that an earlier command had. */
  readonly recalled: Route | undefined;
  /** The ways to the node now, the best first; asks a relay again if its report is old. */
  readonly routes: (node: string) => Promise<readonly Route[]>;
  /** Connects to the node itself, if no relay helps. */
  readonly direct: (signal: AbortSignal) => Promise<NodeConnection>;
  /** Called when the node has replied: its key is the current one. */
  readonly onReply: (route: Route) => void;
}

/**
 * A node behind relays: everything is sealed for it and signed, and anything else that comes back counts as silence.
 */
export function relayedConnection(name: string, options: RelayedOptions): NodeConnection {
  const { routes, recalled } = options;
  let path: readonly string[] = [];
  /** Whether the way of an earlier command still led to the node; undefined: not tried. */
  let isValid: boolean | undefined;
  const best = async (): Promise<Route | undefined> => {
    if (recalled !== undefined && isValid === true && recalled.link.isOpen()) return recalled;
    const [route] = await routes(name);
    path = route?.path ?? [];
    if (route === undefined && recalled === undefined) {
      throw new Problem('unreachable', `no relay has a connection to ${name}`);
    }
    return route;
  };
  /** Over a relay, or to the node itself where only an earlier command had a way over one. */
  const over = async <T>(
    signal: AbortSignal,
    relayed: (route: Route) => Promise<T>,
    directly: (connection: NodeConnection) => Promise<T>,
  ): Promise<T> => {
    const route = await best();
    if (route !== undefined) return await relayed(route);
    const connection = await options.direct(signal);
    return await directly(connection).finally(connection.close);
  };
  const send = async (...[request, onProgress, signal, isRead]: Parameters<NodeConnection['call']>) => {
    if (recalled !== undefined && isRead === true && isValid === undefined) {
      path = recalled.path;
      try {
        const reply = await callOver(name, recalled, request, options, onProgress, signal);
        isValid = true;
        return reply;
      } catch (error) {
        isValid = false;
        if (signal.aborted || !isSilence(error)) throw error;
      }
    }
    return await over(
      signal,
      (route) => callOver(name, route, request, options, onProgress, signal),
      (connection) => connection.call(request, onProgress, signal),
    );
  };
  return {
    name,
    get path() {
      return path;
    },
    describe: (request, signal) =>
      over(
        signal,
        async (route) => {
          const { description } = await ask(name, route, { describe: request }, options, signal);
          if (!description) throw new Problem('bad-reply', `${name} does not describe itself`);
          return description;
        },
        (connection) => connection.describe(request, signal),
      ),
    call: async (request, ...rest) => {
      const reply = await send(request, ...rest);
      // This side repeats a request at most once, and only if it changes nothing.
      if (readReply(reply).code === 'replayed') {
        throw new Problem('no-response', `the request reached ${name} twice, and a reply was lost or withheld`);
      }
      return reply;
    },
    result: (request, signal) => findResult(name, request, options, signal),
    store: (request, signal) =>
      over(
        signal,
        async (route) => {
          const { store } = await ask(name, route, { store: request }, options, signal);
          if (!store) throw new Problem('bad-reply', `${name} did not reply to what it was sent`);
          return store;
        },
        (connection) => connection.store(request, signal),
      ),
    close: () => {},
  };
}

/** Whether a failure proves nothing about the node: a relay ended the call, or could not be reached. */
function isSilence(error: unknown): boolean {
  if (error instanceof TurnedAway) return false;
  return error instanceof Problem && (error.code === 'no-response' || error.code === 'unreachable');
}

/** Sends a call over one way, and asks for its reply if the node refuses it before the pipeline. */
async function callOver(
  name: string,
  route: Route,
  request: SignedRequest,
  options: RelayedOptions,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<SignedReply> {
  const onAbort = () => {
    // Signed: a relay that hangs up does not cancel a call, and no relay can cancel one by itself.
    const cancel = referenceTo(request);
    void ask(name, route, { cancel }, options, AbortSignal.timeout(1000)).catch(() => undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { reply } = await exchange(name, route, { call: request }, options, signal, onProgress).catch(
      async (error: unknown) => ({ reply: await replyDespite(error, name, route, request, options, signal) }),
    );
    if (!reply) throw new Problem('bad-reply', `${name} ended the call without a reply`);
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
  name: string,
  route: Route,
  request: SignedRequest,
  options: RelayedOptions,
  signal: AbortSignal,
): Promise<SignedReply> {
  if (!(error instanceof TurnedAway)) throw error;
  const answered = await ask(name, route, { result: referenceTo(request) }, options, signal).catch(() => undefined);
  if (!answered?.result?.reply) throw error;
  return answered.result.reply;
}

function referenceTo({ request }: SignedRequest) {
  const { requestId, try: attempt } = requestCodec.decode(request);
  return { requestId, try: attempt, requestDigest: digestRequest(request) };
}

/** Over each relay in turn, connected ones first, and then without one. @throws Problem of the last of them */
async function findResult(
  name: string,
  request: SignedRequest,
  options: RelayedOptions,
  signal: AbortSignal,
): Promise<ResultReply> {
  let last: unknown;
  for (const route of await options.routes(name)) {
    try {
      const { result } = await ask(name, route, { result: referenceTo(request) }, options, signal);
      if (result) return result;
    } catch (error) {
      last = error;
    }
  }
  try {
    const connection = await options.direct(signal);
    try {
      return await connection.result(request, signal);
    } finally {
      connection.close();
    }
  } catch (error) {
    throw last ?? error;
  }
}

async function ask(
  name: string,
  route: Route,
  content: QueryContent,
  options: RelayedOptions,
  signal: AbortSignal,
): Promise<QueryReply> {
  const { credentials, trust } = options.caller;
  const query = signQuery(name, content, credentials, Date.now());
  const { answer } = await exchange(name, route, { query }, options, signal, () => {});
  if (!answer) throw new Problem('bad-reply', `${name} did not reply to what it was asked`);
  return openQueryReply(answer, query.query, name, trust, Date.now());
}

/**
 * Sends one sealed request. @returns the last part of the reply, as soon as it arrives
 * @throws Problem `no-response` when the relay ends it before, TurnedAway when the node did not read it
 */
async function exchange(
  name: string,
  route: Route,
  envelope: Envelope,
  { keyPair, onReply }: RelayedOptions,
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

import { Problem, TurnedAway } from '../../core/errors.ts';
import type { NodeConnection } from '../../core/ports.ts';
import { readReply } from '../../core/request/reply.ts';
import type { ResultReply, SignedRequest } from '../../core/wire/messages.ts';
import type { Route } from './routes.ts';
import { ask, callOver, referenceTo, type SealedOptions } from './sealed-call.ts';

export interface RelayedOptions extends SealedOptions {
  /** The way that an earlier command had. */
  readonly recalled: Route | undefined;
  /** The ways to the node now, the best first; asks a relay again if its report is old. */
  readonly routes: (node: string) => Promise<readonly Route[]>;
  /** Connects to the node itself, if no relay helps. */
  readonly direct: (signal: AbortSignal) => Promise<NodeConnection>;
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

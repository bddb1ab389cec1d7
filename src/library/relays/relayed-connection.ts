import { Problem } from '../../core/errors.ts';
import type { NodeConnection } from '../../core/ports.ts';
import type { QueryContent } from '../../core/request/query.ts';
import { readReply } from '../../core/request/reply.ts';
import type { QueryReply, ResultReply, SignedRequest } from '../../core/wire/messages.ts';
import { startNodeWay, type Ways } from './node-way.ts';
import type { Route } from './routes.ts';
import { ask, callOver, referenceTo, type SealedOptions, type SealedWay } from './sealed-call.ts';

export interface RelayedOptions extends SealedOptions, Ways {}

/**
 * A node behind relays: everything is sealed for it and signed, and anything else that comes back counts as silence.
 */
export function relayedConnection(name: string, options: RelayedOptions): NodeConnection {
  const ways = startNodeWay(name, options);
  const by = (route: Route): SealedWay => ({ ...options, name, route });
  /** Asks for one part of a reply. */
  const askFor = async <Part extends 'description' | 'store'>(
    part: Part,
    content: QueryContent,
    signal: AbortSignal,
    directly: (connection: NodeConnection) => Promise<NonNullable<QueryReply[Part]>>,
  ) =>
    await ways.over(
      signal,
      async (route) => {
        const { [part]: reply } = await ask(by(route), content, signal);
        if (!reply) throw new Problem('bad-reply', `${name} did not reply to what it was asked`);
        return reply;
      },
      directly,
    );
  return {
    name,
    get path() {
      return ways.path();
    },
    describe: (request, signal) =>
      askFor('description', { describe: request }, signal, (connection) => connection.describe(request, signal)),
    call: async (request, onProgress, signal, isRead) => {
      const reply = await ways[isRead === true ? 'recalledFirst' : 'over'](
        signal,
        (route) => callOver(by(route), request, onProgress, signal),
        (connection) => connection.call(request, onProgress, signal),
      );
      // This side repeats a request at most once, and only if it changes nothing.
      if (readReply(reply).code === 'replayed') {
        throw new Problem('no-response', `the request reached ${name} twice, and a reply was lost or withheld`);
      }
      return reply;
    },
    result: (request, signal) => findResult(name, request, options, signal),
    store: (request, signal) =>
      askFor('store', { store: request }, signal, (connection) => connection.store(request, signal)),
    close: () => {},
  };
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
      const { result } = await ask({ ...options, name, route }, { result: referenceTo(request) }, signal);
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

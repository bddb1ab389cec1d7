import type { Socket } from 'node:net';
import { Problem } from '../../../core/errors.ts';
import type { ProblemCode } from '../../../core/problems/index.ts';
import type { DiscoverEvent, DiscoverRequest, LocalDiscover, LocalDiscovered } from '../../../core/wire/messages.ts';
import { sendRequest } from './send.ts';

/** The questions to a relay over one connection. @param relay its name in messages */
export function startDiscovering(socket: Socket, relay: string) {
  const write = (discover: LocalDiscover) => sendRequest(socket, { discover });
  const pending = new Map<number, { onNode: (event: DiscoverEvent) => void; settle: (problem?: Problem) => void }>();
  let last = 0;
  const lost = () => new Problem('no-response', `the connection to ${relay} was lost`);
  return {
    discover: (request: DiscoverRequest, onNode: (event: DiscoverEvent) => void, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const cancelled = () => new Problem('cancelled', `the question to ${relay} was cancelled`);
        if (signal.aborted) return reject(cancelled());
        if (socket.destroyed) return reject(lost());
        last++;
        const id = last;
        const onAbort = () => {
          write({ id, drop: true });
          settle(cancelled());
        };
        const settle = (problem?: Problem) => {
          pending.delete(id);
          signal.removeEventListener('abort', onAbort);
          if (problem === undefined) resolve();
          else reject(problem);
        };
        pending.set(id, { onNode, settle });
        signal.addEventListener('abort', onAbort, { once: true });
        write({ id, request, drop: false });
      }),
    take: ({ id, node, end }: LocalDiscovered) => {
      const one = pending.get(id);
      if (node) one?.onNode(node);
      // A newer daemon may send a code that this version does not know: it is passed on unchanged.
      if (end) one?.settle(end.code === '' ? undefined : new Problem(end.code as ProblemCode, end.message));
    },
    isIdle: () => pending.size === 0,
    /** Ends all of them: the connection is lost. */
    fail: () => {
      for (const { settle } of [...pending.values()]) settle(lost());
    },
  };
}

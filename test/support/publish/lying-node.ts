import type { NodeService } from '../../../src/core/ports.ts';
import type { FetchEvent, FetchRequest } from '../../../src/core/wire/messages.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { silentLog } from '../agents/agent-setup.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { roomyLimits } from '../node/listen-limits.ts';

/** A node with a certificate of the fleet that sends what a test wants, over the real listener. */
export interface LyingNode extends AsyncDisposable {
  readonly name: string;
  readonly daemon: { readonly port: number };
  /** The number of requests that it received. */
  readonly asked: () => number;
}

export async function startLyingNode(
  fleet: Fleet,
  name: string,
  give: (request: FetchRequest, send: (event: FetchEvent) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<LyingNode> {
  const { credentials } = await fleet.node(name);
  let asked = 0;
  const holder = {
    store: () => Promise.reject(new Error('not for these tests')),
    give: async (
      request: FetchRequest,
      _peer: unknown,
      send: (event: FetchEvent) => Promise<void>,
      signal: AbortSignal,
    ) => {
      asked++;
      await give(request, send, signal);
    },
  };
  const service = { artifacts: () => holder, enter: () => () => {}, turnAway: async () => {}, isServing: () => true };
  const listener = await startListening({
    host: '127.0.0.1',
    port: 0,
    limits: roomyLimits,
    tls: () => ({ credentials, trust: fleet.trust }),
    service: service as unknown as NodeService,
    log: silentLog,
    onStranger: () => {},
  });
  return {
    name,
    daemon: { port: listener.port },
    asked: () => asked,
    [Symbol.asyncDispose]: () => listener.stop(Promise.resolve(), 0),
  };
}

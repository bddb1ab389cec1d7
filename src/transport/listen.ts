import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { bindPort } from './bind.ts';
import { startConnections } from './connections/connections.ts';
import { sealedLimits, startSealedServer } from './relay/peers/serve.ts';
import { relayProtocol, sealedProtocol } from './relay/frames/protocols.ts';
import { startUserServer, userLimits } from './relay/users/server.ts';
import { startGrpcServer } from './server/grpc.ts';
import { startHandshakes } from './server/handshakes.ts';
import type { ListenOptions } from './server/options.ts';

export interface Listener {
  readonly port: number;
  /** Loads credentials and CAs again for new connections, and closes those of peers that are revoked now. */
  readonly reload: () => void;
  /**
   * Accepts no more connections; closes the existing ones when the running calls have ended, or after a number of
   * milliseconds.
   */
  readonly stop: (calls: Promise<void>, grace: number) => Promise<void>;
}

/** Milliseconds for the last replies to be sent. */
const farewell = 1000;

/**
 * Serves a node over mutually authenticated TLS 1.3. TLS ends here, not in grpc-js, which receives only proven
 * connections, so that failed handshakes can be counted and logged, connections limited, and certificates changed
 * without a restart. See `server/handshakes.ts` and `server/grpc.ts`.
 * @throws Problem `cannot-listen`
 */
export async function startListening(options: ListenOptions): Promise<Listener> {
  const bound = options.bound ?? (await bindPort(options));
  const connections = startConnections(options.limits.connections);
  const grpc = startGrpcServer(options, connections);
  const sealed = startSealedServer(options, sealedLimits(options.limits.stall));
  const users =
    options.relay === undefined
      ? undefined
      : startUserServer({ ...options, relay: options.relay }, userLimits(options.limits));
  const serverOf = ({ alpnProtocol }: TLSSocket) => {
    if (alpnProtocol === sealedProtocol) return sealed;
    return alpnProtocol === relayProtocol ? (users ?? grpc) : grpc;
  };
  const handshakes = startHandshakes(options, connections, (connection) => serverOf(connection).serve(connection));
  const sockets = new Set<Socket>();
  const tcp = bound.serve((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    handshakes.begin(socket);
  });
  return {
    port: bound.port,
    reload: () => {
      handshakes.reload();
      connections.review(options.tls().trust, Date.now());
    },
    stop: async (calls, grace) => {
      connections.stop();
      const gone = new Promise<void>((resolve) => tcp.close(() => resolve()));
      // Only then: a client ends a connection that is being closed at its next keepalive, with the call that waits there.
      await within(grace, calls);
      sealed.close();
      users?.close();
      grpc.close();
      await closeAll(gone, sockets);
    },
  };
}

/**
 * A client that only watches, or disappeared without closing, would keep its connection and the process forever: the
 * remaining ones are closed a moment after the calls.
 */
async function closeAll(gone: Promise<void>, left: Set<Socket>): Promise<void> {
  await within(farewell, gone);
  for (const socket of left) socket.destroy();
  await gone;
}

/** Waits for work, but no longer than so many milliseconds. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, delay(milliseconds, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}

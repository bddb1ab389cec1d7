import { createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { errnoOf, explainErrno, Problem } from '../core/errors.ts';
import type { Log, NodeService, TlsState } from '../core/ports.ts';
import { type ConnectionLimits, startConnections } from './connections/connections.ts';
import { healthHandlers, healthService } from './health.ts';
import { nodeHandlers, nodeService } from './service.ts';
import { endStalledCalls } from './stalled-calls.ts';
import { secureContext, tlsVersion } from './tls.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tls: () => TlsState;
  readonly service: NodeService;
  readonly log: Log;
  /** Told of every connection that failed its handshake, or was one too many. */
  readonly onStranger: (address: string, reason: string) => void;
  readonly limits: ListenLimits;
}

export interface ListenLimits {
  /** Connections beyond these are closed. */
  readonly connections: ConnectionLimits;
  /** Milliseconds that a client may take to send a request, or to read what it is sent. */
  readonly stall: number;
  /** Milliseconds after which a connection that carries no call is closed. */
  readonly idle: number;
}

export interface Listener {
  readonly port: number;
  /** Takes credentials and authorities anew for the connections to come, and closes those of who is revoked now. */
  readonly reload: () => void;
  /** Takes no more connections; closes those there are when the running calls have ended, or after a number of milliseconds. */
  readonly stop: (calls: Promise<void>, grace: number) => Promise<void>;
}

/** Milliseconds between pings to a client over a connection that carries nothing else; each is answered within 20 s. */
export const keepalive = 60_000;
const largestMessage = 1024 * 1024;
/** Milliseconds for the last replies to go out. */
const farewell = 1000;

/**
 * Serves a node over mutually authenticated TLS 1.3. TLS is ended here, not in grpc-js, which is handed connections
 * that are proven already: so that handshakes that fail can be counted and told, connections bounded, and
 * certificates changed without a restart. grpc-js calls such a connection “insecure”; none reaches it unproven.
 * @throws Problem `cannot-listen`
 */
export async function startListening(options: ListenOptions): Promise<Listener> {
  const { limits, onStranger } = options;
  const connections = startConnections(limits.connections);
  const cutStalled = (peer: string) => {
    const caller = connections.cut(peer);
    if (caller !== undefined) options.log.warn({ caller, peer }, 'a client neither sends nor reads: connection cut');
  };
  const grpc = new Server({
    interceptors: [endStalledCalls(limits.stall, cutStalled)],
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage * 4,
    'grpc.max_concurrent_streams': 64,
    'grpc.max_connection_idle_ms': limits.idle,
    'grpc.keepalive_time_ms': keepalive,
    'grpc-node.max_session_memory': 16,
  });
  grpc.addService(nodeService, nodeHandlers(options.service, options.tls, options.log));
  grpc.addService(healthService, healthHandlers(options.service, options.tls));
  const claim = (socket: TLSSocket) => connections.claim(socket, options.tls().trust, Date.now());
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());

  const secure = createTlsServer(
    {
      ...secureContext(options.tls()),
      ...tlsVersion,
      ALPNProtocols: ['h2'],
      requestCert: true,
      // Node would drop who is not authorized without a word, and nobody would know: it is done below instead.
      rejectUnauthorized: false,
    },
    (socket: TLSSocket) => {
      socket.on('error', (error) => options.log.debug({ reason: error.message }, 'connection lost'));
      const fault = socket.authorized ? claim(socket) : reasonOf(socket.authorizationError);
      if (fault === undefined) injector.injectConnection(socket);
      else turnAway(socket, fault);
    },
  );
  let ended = 0;
  secure.on('tlsClientError', (error, socket) => {
    // Ended below, and noted there.
    if (ended > 0 && errnoOf(error) === 'ECONNRESET') ended--;
    else turnAway(socket, reasonOf(error));
  });

  function turnAway(socket: Socket, reason: string): void {
    onStranger(socket.remoteAddress ?? 'unknown', reason);
    socket.destroy();
  }

  const sockets = new Set<Socket>();
  const tcp = createTcpServer({ noDelay: true, keepAlive: true }, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    connections.admit(socket, (reason) => {
      ended++;
      turnAway(socket, reason);
    });
    secure.emit('connection', socket);
  });
  const port = await bind(tcp, options);

  return {
    port,
    reload: () => {
      const tls = options.tls();
      secure.setSecureContext(secureContext(tls));
      connections.review(tls.trust, Date.now());
    },
    stop: async (calls, grace) => {
      connections.stop();
      const gone = new Promise<void>((resolve) => tcp.close(() => resolve()));
      // Tells every client that it takes no more; it does not wait for those that are at it.
      grpc.tryShutdown(() => {});
      await closeAll(gone, calls, grace, sockets);
    },
  };
}

function bind(tcp: ReturnType<typeof createTcpServer>, { host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    tcp.once('error', (cause) => {
      const message = `cannot listen on ${host} port ${port}: ${explainErrno(cause)}`;
      reject(
        new Problem('cannot-listen', message, 'change “listen” in the configuration or stop what is there', { cause }),
      );
    });
    tcp.listen({ host, port }, () => {
      const address = tcp.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function reasonOf(error: (Error & { code?: string; reason?: string }) | string): string {
  // Node's types call it an Error; it is a code such as UNABLE_TO_VERIFY_LEAF_SIGNATURE.
  const reason = typeof error === 'string' ? error : (error.reason ?? error.code ?? error.message);
  return reason.slice(0, 200);
}

/**
 * Whoever only watches, or is gone without a word, would keep a connection and with it the process for ever: what is
 * left is closed a moment after the calls.
 */
async function closeAll(gone: Promise<void>, calls: Promise<void>, grace: number, left: Set<Socket>): Promise<void> {
  const timers = new AbortController();
  const wait = (milliseconds: number) => delay(milliseconds, undefined, { signal: timers.signal }).catch(() => {});
  await Promise.race([calls, wait(grace)]);
  await Promise.race([gone, wait(farewell)]);
  timers.abort();
  for (const socket of left) socket.destroy();
  await gone;
}

/** The context that a reload would use, made once to see that it can be used. @throws Error of node:tls */
export function assertUsable(tls: TlsState): void {
  createSecureContext(secureContext(tls));
}

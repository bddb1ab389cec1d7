import type { TLSSocket } from 'node:tls';
import type { Connections } from '../connections/connections.ts';
import { Server, ServerCredentials } from '../grpc-server.ts';
import { healthHandlers, healthService } from '../health.ts';
import { relayHandlers } from '../relay/service/handlers.ts';
import { relayService } from '../relay/rpc.ts';
import { proveUser } from '../relay/users/user.ts';
import { nodeHandlers, nodeService } from '../service.ts';
import { endStalledCalls } from '../stalled-calls.ts';
import { keepalive, type ListenOptions } from './options.ts';

const largestMessage = 1024 * 1024;

/** The gRPC services of a node, over proven connections. */
export interface GrpcServer {
  readonly serve: (connection: TLSSocket) => void;
  /** Ends every connection as soon as it has no call; does not wait for that. */
  readonly close: () => void;
}

export function startGrpcServer(options: ListenOptions, connections: Connections): GrpcServer {
  const { limits, service, relay, tls, log } = options;
  const cutStalled = (peer: string) => {
    const caller = connections.cut(peer);
    if (caller !== undefined) log.warn({ caller, peer }, 'a client neither sends nor reads: connection closed');
  };
  const server = new Server({
    interceptors: [endStalledCalls(limits.stall, cutStalled)],
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage * 4,
    'grpc.max_concurrent_streams': 64,
    'grpc.max_connection_idle_ms': limits.idle,
    'grpc.keepalive_time_ms': keepalive,
    'grpc-node.max_session_memory': 16,
  });
  server.addService(nodeService, nodeHandlers(service, tls, log));
  if (relay !== undefined) {
    server.addService(
      relayService,
      relayHandlers(
        relay,
        (call) => proveUser(call.getAuthContext().sslPeerCertificate?.raw, tls().trust, Date.now()),
        log,
      ),
    );
  }
  server.addService(healthService, healthHandlers(service, tls));
  // grpc-js calls a connection “insecure” whose TLS it does not end itself; none reaches it unproven.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    serve: (connection) => injector.injectConnection(connection),
    close: () => server.tryShutdown(() => {}),
  };
}

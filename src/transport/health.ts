import type {
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { protocol } from '#protocol';
import { Problem } from '../core/errors.ts';
import type { Identity } from '../core/identity.ts';
import type { NodeService, TlsState } from '../core/ports.ts';
import { type AnyCall, peerIdentity, provePeer } from './peer.ts';
import { statusOf } from './status.ts';

interface HealthRequest {
  service: string;
}
interface HealthResponse {
  status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

export const healthService = protocol['grpc.health.v1.Health'] as unknown as ServiceDefinition;

const services = ['', 'mco.v1.Node'];
/** Milliseconds between updates while a client watches. */
const watchInterval = 1000;

/** The standard gRPC health service, only for certificates of this fleet. */
export function healthHandlers(service: NodeService, tls: () => TlsState): UntypedServiceImplementation {
  const healthOf = (name: string): HealthResponse => {
    if (!services.includes(name)) return { status: 'SERVICE_UNKNOWN' };
    return { status: service.isServing() ? 'SERVING' : 'NOT_SERVING' };
  };
  const prove = <T>(call: AnyCall, then: (peer: Identity) => T) => {
    try {
      return then(provePeer(call, ['operator', 'node'], tls().trust, Date.now()));
    } catch (error) {
      if (error instanceof Problem) void service.turnAway(peerIdentity(call), error);
      throw error;
    }
  };
  const enter = (call: AnyCall) => prove(call, (peer) => service.enter(peer, 0));

  const check = (call: ServerUnaryCall<HealthRequest, HealthResponse>, done: sendUnaryData<HealthResponse>) => {
    try {
      enter(call)();
      const known = services.includes(call.request.service);
      if (!known) throw new Problem('unknown-service', `there is no service “${call.request.service}” here`);
      done(null, healthOf(call.request.service));
    } catch (error) {
      done(statusOf(error));
    }
  };
  const watch = (stream: ServerWritableStream<HealthRequest, HealthResponse>) => {
    let last = '';
    let leave: (() => void) | undefined;
    const end = () => {
      clearInterval(timer);
      leave?.();
    };
    const report = () => {
      // A client that left before this listener was added is never reported.
      if (stream.cancelled || stream.destroyed) return end();
      try {
        if (leave === undefined) leave = enter(stream);
        else prove(stream, () => {});
        const now = healthOf(stream.request.service);
        if (now.status !== last) stream.write(now);
        last = now.status;
      } catch (error) {
        end();
        stream.emit('error', statusOf(error));
      }
    };
    const timer = setInterval(report, watchInterval);
    stream.on('cancelled', end);
    report();
  };
  return { Check: check, Watch: watch } as UntypedServiceImplementation;
}

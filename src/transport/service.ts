import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { protocol } from '#protocol';
import { Problem } from '../core/errors.ts';
import type { Identity } from '../core/identity.ts';
import type { Log, NodeService, TlsState } from '../core/ports.ts';
import type {
  CallEvent,
  DescribeRequest,
  KeyRequest,
  NodeDescription,
  ResultReply,
  SealedEvent,
  SealedRequest,
  SignedKey,
  SignedRequest,
} from '../core/wire/messages.ts';
import { artifactHandlers } from './artifacts/handlers.ts';
import { type AnyCall, peerIdentity, provePeer } from './peer.ts';
import { statusOf } from './status.ts';

export const nodeService = protocol['mco.v1.Node'] as unknown as ServiceDefinition;

/** gRPC handlers around a NodeService: prove the peer, hand over, map problems to statuses. */
export function nodeHandlers(service: NodeService, tls: () => TlsState, log: Log): UntypedServiceImplementation {
  const toStatus = (error: unknown) => {
    if (!(error instanceof Problem)) log.error({ err: error }, 'a handler failed');
    return statusOf(error);
  };
  const admit = async (call: AnyCall, kinds: readonly Identity['kind'][], request?: SignedRequest) => {
    try {
      const peer = provePeer(call, kinds, tls().trust, Date.now());
      return { peer, leave: service.enter(peer, request?.request.length ?? 0) };
    } catch (error) {
      if (error instanceof Problem) await service.turnAway(peerIdentity(call), error, request);
      throw error;
    }
  };
  const unary =
    <Request, Response>(handle: (request: Request, peer: Identity) => Promise<Response>) =>
    (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => {
      serve(async () => {
        const { peer, leave } = await admit(call, ['operator']);
        return await handle(call.request, peer).finally(leave);
      }).then(
        (response) => done(null, response),
        (error) => done(toStatus(error)),
      );
    };

  const call: handleServerStreamingCall<SignedRequest, CallEvent> = (stream) => {
    const gone = new AbortController();
    stream.on('cancelled', () => gone.abort());
    const progress = (message: string) => sendProgress(stream, message);
    serve(async () => {
      const { peer, leave } = await admit(stream, ['operator', 'node'], stream.request);
      return await service.call(stream.request, peer, progress, gone.signal).finally(leave);
    }).then(
      (reply) => {
        stream.write({ reply });
        stream.end();
      },
      (error) => stream.emit('error', toStatus(error)),
    );
  };
  const key = (call: ServerUnaryCall<KeyRequest, SignedKey>, done: sendUnaryData<SignedKey>) => {
    serve(async () => {
      const { leave } = await admit(call, ['node', 'operator']);
      leave();
      return service.key();
    }).then(
      (signed) => done(null, signed),
      (error) => done(toStatus(error)),
    );
  };
  const sealed: handleServerStreamingCall<SealedRequest, SealedEvent> = (stream) => {
    const sink = {
      send: (event: SealedEvent) => {
        if (!stream.cancelled) stream.write(event);
      },
      isCongested: () => stream.writableNeedDrain,
    };
    serve(async () => {
      const { peer, leave } = await admit(stream, ['node', 'operator']);
      await service.sealed(stream.request, peer, sink).finally(leave);
    }).then(
      () => stream.end(),
      (error) => stream.emit('error', toStatus(error)),
    );
  };
  const result: handleUnaryCall<SignedRequest, ResultReply> = unary(service.result);
  const describe: handleUnaryCall<DescribeRequest, NodeDescription> = unary(service.describe);
  const handlers = { Call: call, Result: result, Describe: describe, Key: key, Sealed: sealed };
  return { ...handlers, ...artifactHandlers(service, admit, toStatus) } as UntypedServiceImplementation;
}

/** Turns what is thrown at once into a rejection, so that no handler can throw into grpc-js. */
async function serve<T>(handle: () => Promise<T>): Promise<T> {
  return await handle();
}

/** Progress to a client that reads too slowly is dropped rather than kept. */
function sendProgress(stream: ServerWritableStream<SignedRequest, CallEvent>, message: string): void {
  if (stream.cancelled || stream.writableNeedDrain) return;
  stream.write({ progress: { at: Date.now(), message: message.slice(0, 2048) } });
}

import type {
  handleServerStreamingCall,
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

/** gRPC handlers around a NodeService: they prove the peer, pass the call on, and map problems to statuses. */
export function nodeHandlers(service: NodeService, tls: () => TlsState, log: Log): UntypedServiceImplementation {
  const toStatus = (error: unknown) => {
    if (!(error instanceof Problem)) log.error({ err: error }, 'a handler failed');
    return statusOf(error);
  };
  const admit = defineAdmit(service, tls);
  const unary =
    <Request, Response>(
      handle: (request: Request, peer: Identity) => Response | Promise<Response>,
      kinds = operators,
    ) =>
    (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => {
      serve(async () => {
        const { peer, leave } = await admit(call, kinds);
        return await serve(async () => handle(call.request, peer)).finally(leave);
      }).then(
        (response) => done(null, response),
        (error) => done(toStatus(error)),
      );
    };
  const handlers = {
    Call: callHandler(service, admit, toStatus),
    Result: unary<SignedRequest, ResultReply>(service.result),
    Describe: unary<DescribeRequest, NodeDescription>(service.describe),
    Key: unary<KeyRequest, SignedKey>(service.key, anyKind),
    Sealed: sealedHandler(service, admit, toStatus),
  };
  return { ...handlers, ...artifactHandlers(service, admit, toStatus) } as UntypedServiceImplementation;
}

type Kinds = readonly Identity['kind'][];
type ToStatus = (error: unknown) => ReturnType<typeof statusOf>;
type AdmitCall = (
  call: AnyCall,
  kinds: Kinds,
  request?: SignedRequest,
) => Promise<{ readonly peer: Identity; readonly leave: () => void }>;

const operators: Kinds = ['operator'];
const anyKind: Kinds = ['operator', 'node'];

/** Proves the other end and counts the call; a refused caller is recorded. */
function defineAdmit(service: NodeService, tls: () => TlsState): AdmitCall {
  return async (call, kinds, request) => {
    try {
      const peer = provePeer(call, kinds, tls().trust, Date.now());
      return { peer, leave: service.enter(peer, request?.request.length ?? 0) };
    } catch (error) {
      if (error instanceof Problem) await service.turnAway(peerIdentity(call), error, request);
      throw error;
    }
  };
}

/** A request: progress while it runs, then the reply. */
function callHandler(
  service: NodeService,
  admit: AdmitCall,
  toStatus: ToStatus,
): handleServerStreamingCall<SignedRequest, CallEvent> {
  return (stream) => {
    const gone = new AbortController();
    stream.on('cancelled', () => gone.abort());
    const progress = (message: string) => sendProgress(stream, message);
    serve(async () => {
      const { peer, leave } = await admit(stream, anyKind, stream.request);
      return await service.call(stream.request, peer, progress, gone.signal).finally(leave);
    }).then(
      (reply) => {
        stream.write({ reply });
        stream.end();
      },
      (error) => stream.emit('error', toStatus(error)),
    );
  };
}

/** A sealed request, which a relay delivers. */
function sealedHandler(
  service: NodeService,
  admit: AdmitCall,
  toStatus: ToStatus,
): handleServerStreamingCall<SealedRequest, SealedEvent> {
  return (stream) => {
    const sink = {
      send: (event: SealedEvent) => {
        if (!stream.cancelled) stream.write(event);
      },
      isCongested: () => stream.writableNeedDrain,
    };
    serve(async () => {
      const { peer, leave } = await admit(stream, anyKind);
      await service.sealed(stream.request, peer, sink).finally(leave);
    }).then(
      () => stream.end(),
      (error) => stream.emit('error', toStatus(error)),
    );
  };
}

/** Turns a synchronous throw into a rejection, so that no handler can throw into grpc-js. */
async function serve<T>(handle: () => Promise<T>): Promise<T> {
  return await handle();
}

/** Progress to a client that reads too slowly is dropped and not stored. */
function sendProgress(stream: ServerWritableStream<SignedRequest, CallEvent>, message: string): void {
  if (stream.cancelled || stream.writableNeedDrain) return;
  stream.write({ progress: { at: Date.now(), message: message.slice(0, 2048) } });
}

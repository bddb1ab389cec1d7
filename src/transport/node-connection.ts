import type { Client, ClientReadableStream, MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { protocol } from '#protocol';
import { Problem } from '../core/errors.ts';
import type { NodeConnection } from '../core/ports.ts';
import type {
  CallEvent,
  DescribeRequest,
  NodeDescription,
  ResultReply,
  SignedReply,
  SignedRequest,
  StoreReply,
  StoreRequest,
} from '../core/wire/messages.ts';
import { problemOf } from './status.ts';

const service = protocol['mco.v1.Node'] as unknown as ServiceDefinition;

function method<Request, Response>(name: string): MethodDefinition<Request, Response> {
  return service[name] as MethodDefinition<Request, Response>;
}

/** @param begin called before every call; throws the Problem for which the node cannot or must not be called any more */
export function connectionOver(
  client: Client,
  name: string,
  begin: (signal: AbortSignal) => Promise<void>,
): NodeConnection {
  const unary = async <Request, Response>(rpc: string, request: Request, signal: AbortSignal): Promise<Response> => {
    await begin(signal);
    return await new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method<Request, Response>(rpc);
      const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, value) => {
        signal.removeEventListener('abort', onAbort);
        if (error !== null || value === undefined) reject(problemOf(error as ServiceError, name));
        else resolve(value);
      });
      const onAbort = () => call.cancel();
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
  };

  return {
    name,
    describe: (request, signal) => unary<DescribeRequest, NodeDescription>('Describe', request, signal),
    result: (request, signal) => unary<SignedRequest, ResultReply>('Result', request, signal),
    store: (request, signal) => unary<StoreRequest, StoreReply>('Store', request, signal),
    call: async (request, onProgress, signal) => {
      await begin(signal);
      const { path, requestSerialize, responseDeserialize } = method<SignedRequest, CallEvent>('Call');
      const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
      return await readCall(stream, name, onProgress, signal);
    },
    close: () => client.close(),
  };
}

/** Progress events, then exactly one reply; a stream that ends without one is a lost reply. */
function readCall(
  stream: ClientReadableStream<CallEvent>,
  name: string,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<SignedReply> {
  return new Promise((resolve, reject) => {
    const onAbort = () => stream.cancel();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    let reply: SignedReply | undefined;
    stream.on('data', (event: CallEvent) => {
      if (event.progress) onProgress(event.progress.message);
      if (event.reply) reply = event.reply;
    });
    stream.on('error', (error: ServiceError) => {
      signal.removeEventListener('abort', onAbort);
      reject(problemOf(error, name));
    });
    stream.on('end', () => {
      signal.removeEventListener('abort', onAbort);
      if (reply === undefined) reject(new Problem('no-response', `${name} ended the call without a reply`));
      else resolve(reply);
    });
  });
}

import type { Client, ClientReadableStream, MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { problemOf } from '../status.ts';

/**
 * Reads a stream of replies to its end.
 * @throws Problem as the other side ended it, `no-response` if the connection was lost
 */
export function readStream<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
  request: Request,
  name: string,
  onMessage: (message: Response) => void,
  signal: AbortSignal,
): Promise<void> {
  const stream: ClientReadableStream<Response> = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
  );
  return new Promise((resolve, reject) => {
    const onAbort = () => stream.cancel();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('data', onMessage);
    stream.on('error', (error: ServiceError) => {
      signal.removeEventListener('abort', onAbort);
      reject(problemOf(error, name));
    });
    stream.on('end', () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}

import type { ClientReadableStream, MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { protocol } from '#protocol';
import type { TlsState } from '../../core/ports.ts';
import type { ArtifactPeer } from '../../core/publish/holder.ts';
import type { FetchEvent, FetchRequest } from '../../core/wire/messages.ts';
import { createOpen, type ProvenChannel } from '../dial.ts';
import type { Open } from '../dial/first-of.ts';
import { problemOf } from '../status.ts';

const service = protocol['mco.v1.Node'] as unknown as ServiceDefinition;

/** An HTTP/2 window that fills a link of 1 Gbit/s with 8 ms delay, and uses little memory (RFC 9113, 5.2). */
const options = { 'grpc-node.flow_control_window': 1024 * 1024, 'grpc.keepalive_time_ms': 10_000 };

/** @param timeout milliseconds for one address to connect */
export function createArtifactDial(tls: () => TlsState, timeout: number): Open<ArtifactPeer> {
  return createOpen(tls, timeout, artifactPeerOver, options);
}

function artifactPeerOver({ client, name, refuse }: ProvenChannel): ArtifactPeer {
  const { path, requestSerialize, responseDeserialize } = service.Fetch as MethodDefinition<FetchRequest, FetchEvent>;
  return {
    name,
    fetch: async (request, onEvent, signal) => {
      const refused = refuse();
      if (refused !== undefined) throw refused;
      const stream: ClientReadableStream<FetchEvent> = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
      );
      const onAbort = () => stream.cancel();
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        for await (const event of asEvents(stream, name)) await onEvent(event);
      } finally {
        signal.removeEventListener('abort', onAbort);
        stream.cancel();
      }
    },
    close: () => client.close(),
  };
}

/** The stream's own errors as Problems; errors of its reader stay as they are. */
async function* asEvents(stream: ClientReadableStream<FetchEvent>, name: string): AsyncGenerator<FetchEvent> {
  try {
    for await (const event of stream) yield event as FetchEvent;
  } catch (error) {
    throw problemOf(error as ServiceError, name);
  }
}

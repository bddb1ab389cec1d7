import type { Client, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { Problem } from '../../core/errors.ts';
import { hasRelayRole, parseCertificate } from '../../core/credentials/certificate.ts';
import type { TlsState } from '../../core/ports.ts';
import type { DiscoverEvent, DiscoverRequest, ForwardEvent, ForwardRequest } from '../../core/wire/messages.ts';
import { status } from '../grpc-server.ts';
import { createOpen, type ProvenChannel, whenLost } from '../dial.ts';
import type { Open } from '../dial/first-of.ts';
import type { RelayConnection } from './connection.ts';
import { type ForwardReader, type ForwardStream, relayEnd, startForwarding } from './forwarding.ts';
import { relayMethod } from './rpc.ts';
import { readStream } from './streams.ts';

/** Relayed requests of a large fleet wait in one stream: its other end is pinged at intervals. */
const keepalive = { 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 };

/** Connects to older relays. @param timeout milliseconds for one address to connect */
export function createGrpcRelayDial(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  return createOpen(tls, timeout, relayConnectionOver, keepalive);
}

export function relayConnectionOver({ client, name, refuse, certificate }: ProvenChannel): RelayConnection {
  const forwarding = startForwarding((reader) => openStream(client, reader), relayEnd(name, refuse));
  return {
    name,
    hasRole: hasRelayRole(parseCertificate(certificate)),
    discover: async (request, onNode, signal) => {
      const refused = refuse();
      if (refused !== undefined) throw refused;
      const method = relayMethod<DiscoverRequest, DiscoverEvent>('Discover');
      await readStream(client, method, request, `the relay ${name}`, onNode, signal).catch((error: unknown) => {
        throw lacksMethod(error)
          ? new Problem('no-relay', `${name} does not relay: its node.yaml has no “relay”`)
          : error;
      });
    },
    forward: forwarding.forward,
    whenLost: () => whenLost(client),
    close: () => {
      forwarding.close();
      client.close();
    },
  };
}

function lacksMethod(error: unknown): boolean {
  return error instanceof Problem && (error.cause as Partial<ServiceError> | undefined)?.code === status.UNIMPLEMENTED;
}

function openStream(client: Client, { event, lost }: ForwardReader): ForwardStream {
  const { path, requestSerialize, responseDeserialize } = relayMethod<ForwardRequest, ForwardEvent>('Forward');
  const stream: ClientDuplexStream<ForwardRequest, ForwardEvent> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  );
  stream.on('data', event);
  // Not in the relay's words: its own refusal must not look like the target's.
  stream.on('error', (error: ServiceError) => lost(`is lost: ${error.details}`));
  stream.on('end', () => lost('ended the connection'));
  return { write: (request) => void stream.write(request), cancel: () => stream.cancel() };
}

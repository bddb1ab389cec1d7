import { hasRelayRole, parseCertificate } from '../../core/credentials/certificate.ts';
import type { Problem } from '../../core/errors.ts';
import type { TlsState } from '../../core/ports.ts';
import type { KeyRequest, SealedEvent, SealedRequest, SignedKey } from '../../core/wire/messages.ts';
import { createOpen, type Open, type ProvenChannel, whenLost } from '../dial.ts';
import type { RelayConnection } from './connection.ts';
import { relayConnectionOver } from './relay-connection.ts';
import { nodeMethod } from './rpc.ts';
import { readStream } from './streams.ts';

/** What a relay needs from one of its peers. */
export interface PeerConnection {
  readonly name: string;
  /** Why the peer must not be used any more: it may be revoked meanwhile. */
  readonly refuse: () => Problem | undefined;
  readonly key: (signal: AbortSignal) => Promise<SignedKey>;
  readonly sealed: (
    request: SealedRequest,
    onEvent: (event: SealedEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Set when the peer's certificate allows it to relay. */
  readonly relay?: RelayConnection;
  readonly whenLost: () => Promise<void>;
  readonly close: () => void;
}

/** Milliseconds between two pings of a silent peer, and for its answer (HTTP/2 PING). */
const keepalive = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

/** @param timeout milliseconds for one address to connect */
export function createPeerDial(tls: () => TlsState, timeout: number): Open<PeerConnection> {
  return createOpen(tls, timeout, peerConnectionOver, keepalive);
}

export function peerConnectionOver(channel: ProvenChannel): PeerConnection {
  const { client, name, refuse, certificate } = channel;
  const mayRelay = hasRelayRole(parseCertificate(certificate));
  return {
    name,
    refuse,
    key: async (signal) => {
      const { path, requestSerialize, responseDeserialize } = nodeMethod<KeyRequest, SignedKey>('Key');
      return await new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, key) => {
          signal.removeEventListener('abort', onAbort);
          if (error !== null || key === undefined) reject(error);
          else resolve(key);
        });
        const onAbort = () => call.cancel();
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
    sealed: async (request, onEvent, signal) => {
      const refused = refuse();
      if (refused !== undefined) throw refused;
      await readStream(client, nodeMethod<SealedRequest, SealedEvent>('Sealed'), request, name, onEvent, signal);
    },
    ...(mayRelay ? { relay: relayConnectionOver(channel) } : {}),
    whenLost: () => whenLost(client),
    close: () => client.close(),
  };
}

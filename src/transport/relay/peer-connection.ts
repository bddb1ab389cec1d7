import { hasRelayRole, parseCertificate } from '../../core/credentials/certificate.ts';
import type { TlsState } from '../../core/ports.ts';
import type { KeyRequest, SealedEvent, SealedRequest, SignedKey } from '../../core/wire/messages.ts';
import { createOpen, type ProvenChannel, whenLost } from '../dial.ts';
import { firstOf, type Open } from '../dial/first-of.ts';
import { openSealed } from './peers/open.ts';
import type { PeerConnection } from './peers/peer.ts';
import { relayConnectionOver } from './relay-connection.ts';
import { nodeMethod } from './rpc.ts';
import { readStream } from './streams.ts';

/** Milliseconds between two pings of a silent peer, and for its answer (HTTP/2 PING). */
const keepalive = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

/** @param timeout milliseconds for one address to connect */
export function createPeerDial(tls: () => TlsState, timeout: number): Open<PeerConnection> {
  const overGrpc = createOpen(tls, timeout, peerConnectionOver, keepalive);
  return firstOf(tls, async (name, address, context, signal) => {
    const overFrames = await openSealed(name, address, { context, tls, timeout }, signal);
    return overFrames ?? (await overGrpc(name, [address], signal));
  });
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

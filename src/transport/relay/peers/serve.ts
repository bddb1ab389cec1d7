import type { TLSSocket } from 'node:tls';
import { identityOf, parseCertificate } from '../../../core/credentials/certificate.ts';
import { explain } from '../../../core/errors.ts';
import { callerId } from '../../../core/identity.ts';
import { forwardEventCodec, forwardRequestCodec, signedKeyCodec } from '../../../core/wire/codec.ts';
import { peerName } from '../../connections/slots.ts';
import { frame, greeting, startFrames } from '../frames/frames.ts';
import { countUnread } from '../service/unread.ts';
import { onSilence } from '../frames/watch-silence.ts';
import { type SealedLimits, type SealedParts, startRequests } from './requests.ts';

/** The limits of a node. @param stall milliseconds */
export function sealedLimits(stall: number): SealedLimits {
  return { request: 1024 * 1024, reply: 4 * 1024 * 1024, requests: 64 * 1024 * 1024, unread: 64 * 1024 * 1024, stall };
}

/** The connections of relays to a node. */
export interface SealedServer {
  readonly serve: (connection: TLSSocket) => void;
  /** Ends all of them; does not wait for that. */
  readonly close: () => void;
}

export function startSealedServer(parts: SealedParts, limits: SealedLimits): SealedServer {
  const open = new Set<TLSSocket>();
  return {
    serve: (connection) => {
      open.add(connection);
      connection.once('close', () => open.delete(connection));
      serveSealed(connection, parts, limits);
    },
    close: () => {
      for (const connection of open) connection.end();
    },
  };
}

/**
 * Serves a relay over a connection that carries frames (see `frames.ts`) instead of gRPC: the node sends its key, then
 * it serves sealed requests, and their replies come in any order. The relay is proven for each request: its certificate
 * may be revoked meanwhile. A violation of the protocol ends the connection. Its end ends no request: only the caller
 * may do that.
 */
function serveSealed(socket: TLSSocket, parts: SealedParts, limits: SealedLimits): void {
  const { service, log } = parts;
  const certificate = socket.getPeerCertificate().raw;
  const relay = identityOf(parseCertificate(certificate));
  // Only relays keep connections without calls, and they are nodes.
  if (relay?.kind !== 'node') return void socket.destroy();
  const cut = () => {
    log.warn({ caller: callerId(relay), peer: peerName(socket) }, 'a relay neither sends nor reads: connection closed');
    socket.destroy();
  };
  const unread = countUnread(limits.unread);
  const write = (message: Uint8Array) => {
    // A write after this side's end would destroy the socket, with the replies that wait there.
    if (!socket.writable) return;
    const bytes = frame(message);
    socket.write(bytes, unread.add(bytes.length));
    if (unread.isTooMuch()) socket.destroy();
  };
  const requests = startRequests(parts, certificate, limits, {
    send: (event) => write(forwardEventCodec.encode(event)),
    isCongested: () => socket.writableNeedDrain,
  });
  const frames = startFrames(
    limits.request,
    () => write(signedKeyCodec.encode(service.key())),
    (message) => {
      // An empty one asks whether this side is there: whatever waits for the relay answers that.
      if (message.length === 0) return unread.isNone() ? write(message) : undefined;
      const { id, sealed, drop } = forwardRequestCodec.decode(message);
      if (drop) requests.drop(id);
      else void requests.serve(id, sealed);
    },
  );
  socket.on('data', (chunk) => {
    if (unread.isStuck(limits.stall)) return cut();
    try {
      frames.take(chunk);
    } catch (error) {
      log.debug({ reason: explain(error) }, 'a connection of a relay is ended');
      socket.destroy();
    }
  });
  onSilence(socket, limits.stall, () => {
    if (frames.isWaiting() || !unread.isNone()) cut();
  });
  socket.write(greeting);
}

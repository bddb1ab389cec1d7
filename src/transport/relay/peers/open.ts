import type { TLSSocket } from 'node:tls';
import { hasRelayRole, parseCertificate } from '../../../core/credentials/certificate.ts';
import { Problem } from '../../../core/errors.ts';
import type { Address } from '../../../core/node.ts';
import type { ProblemCode } from '../../../core/problems/index.ts';
import { forwardEventCodec, forwardRequestCodec, signedKeyCodec } from '../../../core/wire/codec.ts';
import type { ForwardRequest, SignedKey } from '../../../core/wire/messages.ts';
import { type ForwardReader, startForwarding } from '../forwarding.ts';
import { frame, greeting, startFrames } from '../frames/frames.ts';
import { sealedProtocol } from '../frames/protocols.ts';
import { type FramesDial, overProvenSocket } from '../frames/proven-socket.ts';
import { within } from '../../../core/waiting/or-aborted.ts';
import type { PeerConnection } from './peer.ts';
import { watchNode } from './watch-node.ts';

/** The maximum bytes of a message from a node. */
const mostBytes = 8 * 1024 * 1024;
/** Bytes that wait for a node to read them; beyond, the connection is ended. */
const mostUnread = 64 * 1024 * 1024;

/**
 * Connects to a node over frames.
 * @returns undefined for a node that needs gRPC: an older one, or one that relays itself
 * @throws Problem why it cannot be reached or is not trusted
 */
export async function openSealed(
  name: string,
  address: Address,
  dial: FramesDial,
  signal: AbortSignal,
): Promise<PeerConnection | undefined> {
  return overProvenSocket(name, address, sealedProtocol, dial, signal, ({ socket, certificate, refuse, isOutdated }) =>
    hasRelayRole(parseCertificate(certificate))
      ? undefined
      : greet(socket, { name, refuse, isOutdated }, dial.timeout, signal),
  );
}

/** A node that is proven. */
interface Proven extends Pick<PeerConnection, 'name' | 'refuse'> {
  /** Whether one of the two sides needs a new handshake: it has another certificate now, or this one does not hold. */
  readonly isOutdated: () => boolean;
}

/** Waits for the node's key: only then has the node accepted this side's certificate (RFC 8446, 2). */
async function greet(
  socket: TLSSocket,
  { name, refuse, isOutdated }: Proven,
  timeout: number,
  signal: AbortSignal,
): Promise<PeerConnection> {
  const greeted = Promise.withResolvers<SignedKey>();
  const lost = Promise.withResolvers<void>();
  let key: SignedKey | undefined;
  let reader: ForwardReader | undefined;
  const frames = startFrames(
    mostBytes,
    () => {},
    (message) => {
      if (key === undefined) {
        key = signedKeyCodec.decode(message);
        greeted.resolve(key);
      } else if (message.length > 0) reader?.event(forwardEventCodec.decode(message));
    },
  );
  socket.on('data', (chunk) => {
    try {
      frames.take(chunk);
    } catch {
      // No node of this version sent that.
      socket.destroy();
    }
  });
  socket.once('close', () => {
    stopWatching();
    greeted.reject(new Error('closed'));
    reader?.lost(ended);
    lost.resolve();
  });
  socket.write(greeting);
  const openStream = (opened: ForwardReader) => {
    reader = opened;
    if (socket.destroyed) queueMicrotask(() => opened.lost(ended));
    // The node knows its name.
    const write = (request: ForwardRequest) => {
      socket.write(frame(forwardRequestCodec.encode({ ...request, target: '' })));
      if (socket.writableLength > mostUnread) socket.destroy();
    };
    return { write, cancel: () => {} };
  };
  const forwarding = startForwarding(openStream, {
    what: name,
    refuse,
    // A newer node may send a code that this version does not know: it is passed on unchanged.
    ended: (_target, { code, message }) => new Problem(code as ProblemCode, message),
  });
  const stopWatching = watchNode(socket, forwarding.isIdle, isOutdated);
  const signed = await within(greeted.promise, timeout, signal);
  return {
    name,
    refuse,
    key: () => Promise.resolve(signed),
    sealed: (request, onEvent, until) => forwarding.forward(name, request, onEvent, until),
    whenLost: () => lost.promise,
    close: () => {
      forwarding.close();
      socket.destroy();
    },
  };
}

const ended = 'ended the connection';

import type { TLSSocket } from 'node:tls';
import { hasRelayRole, parseCertificate } from '../../../core/credentials/certificate.ts';
import { Problem } from '../../../core/errors.ts';
import type { Address } from '../../../core/node.ts';
import type { ProblemCode } from '../../../core/problems/index.ts';
import { forwardEventCodec, forwardRequestCodec } from '../../../core/wire/codec.ts';
import type { ForwardRequest } from '../../../core/wire/messages.ts';
import { type ForwardReader, startForwarding } from '../forwarding.ts';
import { frame } from '../frames/frames.ts';
import { sealedProtocol } from '../frames/protocols.ts';
import { type FramesDial, overProvenSocket } from '../frames/proven-socket.ts';
import { within } from '../../../core/waiting/or-aborted.ts';
import { greetNode } from './greet-node.ts';
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

/** Waits for the node's key. */
async function greet(
  socket: TLSSocket,
  { name, refuse, isOutdated }: Proven,
  timeout: number,
  signal: AbortSignal,
): Promise<PeerConnection> {
  const lost = Promise.withResolvers<void>();
  let reader: ForwardReader | undefined;
  const greeted = greetNode(socket, mostBytes, (message) => {
    // An empty one says that the node is there.
    if (message.length > 0) reader?.event(forwardEventCodec.decode(message));
  });
  const openStream = (opened: ForwardReader) => {
    reader = opened;
    if (socket.destroyed) queueMicrotask(() => opened.lost(ended));
    return { write: (request: ForwardRequest) => send(socket, request), cancel: () => {} };
  };
  const forwarding = startForwarding(openStream, {
    what: name,
    refuse,
    // A newer node may send a code that this version does not know: it is passed on unchanged.
    ended: (_target, { code, message }) => new Problem(code as ProblemCode, message),
  });
  const stopWatching = watchNode(socket, forwarding.isIdle, isOutdated);
  socket.once('close', () => {
    stopWatching();
    reader?.lost(ended);
    lost.resolve();
  });
  const key = await within(greeted, timeout, signal);
  return {
    name,
    refuse,
    key: () => Promise.resolve(key),
    sealed: (request, onEvent, until) => forwarding.forward(name, request, onEvent, until),
    whenLost: () => lost.promise,
    close: () => {
      forwarding.close();
      socket.destroy();
    },
  };
}

function send(socket: TLSSocket, request: ForwardRequest): void {
  // The node knows its name.
  socket.write(frame(forwardRequestCodec.encode({ ...request, target: '' })));
  if (socket.writableLength > mostUnread) socket.destroy();
}

const ended = 'ended the connection';

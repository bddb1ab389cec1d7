import { once } from 'node:events';
import { connect, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { hasRelayRole, parseCertificate } from '../../../core/credentials/certificate.ts';
import { rememberIssuers } from '../../../core/credentials/issuers.ts';
import { Problem } from '../../../core/errors.ts';
import type { Address } from '../../../core/node.ts';
import type { TlsState } from '../../../core/ports.ts';
import type { ProblemCode } from '../../../core/problems/index.ts';
import { forwardEventCodec, forwardRequestCodec, signedKeyCodec } from '../../../core/wire/codec.ts';
import type { ForwardRequest, SignedKey } from '../../../core/wire/messages.ts';
import { diagnose } from '../../diagnose.ts';
import { proveNode } from '../../prove-node.ts';
import { presentedIssuers } from '../../tls.ts';
import { type ForwardReader, startForwarding } from '../forwarding.ts';
import { frame, greeting, startFrames } from '../frames.ts';
import { within } from '../within.ts';
import type { PeerConnection } from './peer.ts';
import { sealedProtocol } from './protocol.ts';
import { watchNode } from './watch-node.ts';

/** The maximum bytes of a message from a node. */
const mostBytes = 8 * 1024 * 1024;
/** Bytes that wait for a node to read them; beyond, the connection is ended. */
const mostUnread = 64 * 1024 * 1024;

export interface SealedDial {
  readonly context: SecureContext;
  readonly tls: () => TlsState;
  /** Milliseconds to connect, and to receive the key. */
  readonly timeout: number;
}

/**
 * Connects to a node over frames.
 * @returns undefined for a node that needs gRPC: an older one, or one that relays itself
 * @throws Problem why it cannot be reached or is not trusted
 */
export async function openSealed(
  name: string,
  address: Address,
  { context, tls, timeout }: SealedDial,
  signal: AbortSignal,
): Promise<PeerConnection | undefined> {
  let refused: Problem | undefined;
  const own = tls().credentials.certificate;
  let certificate: Buffer = Buffer.alloc(0);
  const socket = connect({
    host: address.host,
    port: address.port,
    servername: name,
    secureContext: context,
    ALPNProtocols: [sealedProtocol, 'h2'],
    checkServerIdentity: (_host, peer) => {
      certificate = peer.raw;
      // node:tls returns the whole chain, whatever its types say.
      rememberIssuers(presentedIssuers(peer as DetailedPeerCertificate), tls().trust);
      refused = proveNode(name, certificate, tls());
      return refused;
    },
  });
  // An error only means that the connection is closed.
  socket.on('error', () => {});
  try {
    await within(once(socket, 'secureConnect'), timeout, signal);
    if (socket.alpnProtocol === sealedProtocol && !hasRelayRole(parseCertificate(certificate))) {
      const refuse = () => proveNode(name, certificate, tls());
      const isOutdated = () => !own.raw.equals(tls().credentials.certificate.raw) || refuse() !== undefined;
      return await greet(socket, { name, refuse, isOutdated }, timeout, signal);
    }
    socket.destroy();
    return undefined;
  } catch {
    socket.destroy();
    if (signal.aborted) throw new Problem('cancelled', `connecting to ${name} was cancelled`);
    throw refused ?? (await diagnose(name, address, tls(), timeout));
  }
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

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
import { frame, greeting, startFrames } from '../local/frames.ts';
import { within } from '../within.ts';
import type { PeerConnection } from './peer.ts';
import { sealedProtocol } from './protocol.ts';

/** The maximum bytes of a message from a node. */
const mostBytes = 8 * 1024 * 1024;
/** Milliseconds after which a node that sent nothing is asked whether it is there, and for its answer. */
const silence = 30_000;
const patience = 10_000;

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
      return await greet(socket, name, () => proveNode(name, certificate, tls()), timeout, signal);
    }
    socket.destroy();
    return undefined;
  } catch {
    socket.destroy();
    if (signal.aborted) throw new Problem('cancelled', `connecting to ${name} was cancelled`);
    throw refused ?? (await diagnose(name, address, tls(), timeout));
  }
}

/** Waits for the node's key: only then has the node accepted this side's certificate (RFC 8446, 2). */
async function greet(
  socket: TLSSocket,
  name: string,
  refuse: () => Problem | undefined,
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
  const stopAsking = askWhenSilent(socket);
  socket.once('close', () => {
    stopAsking();
    greeted.reject(new Error('closed'));
    reader?.lost(ended);
    lost.resolve();
  });
  socket.write(greeting);
  const openStream = (opened: ForwardReader) => {
    reader = opened;
    if (socket.destroyed) queueMicrotask(() => opened.lost(ended));
    // The node knows its name.
    const write = (request: ForwardRequest) =>
      void socket.write(frame(forwardRequestCodec.encode({ ...request, target: '' })));
    return { write, cancel: () => {} };
  };
  const forwarding = startForwarding(openStream, {
    what: name,
    refuse,
    // A newer node may send a code that this version does not know: it is passed on unchanged.
    ended: (_target, { code, message }) => new Problem(code as ProblemCode, message),
  });
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

/** Ends a connection whose node neither sends anything nor answers whether it is there: its host may have stopped. */
function askWhenSilent(socket: TLSSocket): () => void {
  let heard = -1;
  let asked = false;
  const look = () => {
    const isSilent = socket.bytesRead === heard;
    if (isSilent && asked) return void socket.destroy();
    heard = socket.bytesRead;
    asked = isSilent;
    if (asked) socket.write(frame(Buffer.alloc(0)));
    timer = setTimeout(look, asked ? patience : silence).unref();
  };
  let timer: NodeJS.Timeout = setTimeout(look, silence).unref();
  return () => clearTimeout(timer);
}

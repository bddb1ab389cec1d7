import { once } from 'node:events';
import { connect, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { rememberIssuers } from '../../../core/credentials/issuers.ts';
import { Problem } from '../../../core/errors.ts';
import type { Address } from '../../../core/node.ts';
import type { TlsState } from '../../../core/ports.ts';
import { diagnose } from '../../dial/diagnose.ts';
import { proveNode } from '../../prove-node.ts';
import { presentedIssuers } from '../../tls.ts';
import { within } from '../../../core/waiting/or-aborted.ts';

export interface FramesDial {
  readonly context: SecureContext;
  readonly tls: () => TlsState;
  /** Milliseconds to connect, and for the first message of the other side. */
  readonly timeout: number;
}

/** A connection to a node that its handshake proved. */
export interface ProvenSocket {
  readonly socket: TLSSocket;
  /** The node's certificate (DER). */
  readonly certificate: Uint8Array;
  /** Why the node must not be used any more: it may be revoked meanwhile. */
  readonly refuse: () => Problem | undefined;
  /**
   * Whether a new handshake is needed: this side has another certificate than at this one, or the node's does not hold
   * any more.
   */
  readonly isOutdated: () => boolean;
}

/**
 * Connects to a node that speaks a protocol in frames.
 * @param greet what makes a connection of the socket, as soon as the node has accepted this side's certificate; returns
 * undefined if the node cannot be used in this way after all
 * @returns undefined for a node that needs gRPC, as an older one does
 * @throws Problem why it cannot be reached or is not trusted
 */
export async function overProvenSocket<Connection>(
  name: string,
  address: Address,
  protocol: string,
  { context, tls, timeout }: FramesDial,
  signal: AbortSignal,
  greet: (proven: ProvenSocket) => Promise<Connection> | undefined,
): Promise<Connection | undefined> {
  let refused: Problem | undefined;
  const own = tls().credentials.certificate;
  let certificate: Buffer = Buffer.alloc(0);
  const socket = connect({
    host: address.host,
    port: address.port,
    servername: name,
    secureContext: context,
    ALPNProtocols: [protocol, 'h2'],
    checkServerIdentity: (_host, peer) => {
      certificate = peer.raw;
      // node:tls returns the whole chain, whatever its types say.
      rememberIssuers(presentedIssuers(peer as DetailedPeerCertificate), tls().trust);
      refused = proveNode(name, certificate, tls());
      return refused;
    },
  });
  socket.setNoDelay(true);
  // An error only means that the connection is closed.
  socket.on('error', () => {});
  try {
    await within(once(socket, 'secureConnect'), timeout, signal);
    const refuse = () => proveNode(name, certificate, tls());
    const isOutdated = () => !own.raw.equals(tls().credentials.certificate.raw) || refuse() !== undefined;
    const proven = { socket, certificate, refuse, isOutdated };
    const greeted = socket.alpnProtocol === protocol ? greet(proven) : undefined;
    if (greeted === undefined) socket.destroy();
    return await greeted;
  } catch {
    socket.destroy();
    if (signal.aborted) throw new Problem('cancelled', `connecting to ${name} was cancelled`);
    throw refused ?? (await diagnose(name, address, tls(), timeout));
  }
}

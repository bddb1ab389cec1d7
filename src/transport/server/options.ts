import type { Log, NodeService, RelayService, TlsState } from '../../core/ports.ts';
import type { BoundPort } from '../bind.ts';
import type { ConnectionLimits } from '../connections/connections.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The port, if it was bound before. */
  readonly bound?: BoundPort;
  readonly tls: () => TlsState;
  readonly service: NodeService;
  /** Set if the node relays for others. */
  readonly relay?: RelayService;
  readonly log: Log;
  /** Receives every connection that failed its handshake, or exceeded a limit. */
  readonly onStranger: (address: string, reason: string) => void;
  readonly limits: ListenLimits;
}

export interface ListenLimits {
  /** Connections beyond these are closed. */
  readonly connections: ConnectionLimits;
  /** Milliseconds for a client to send a request, or to read a reply. */
  readonly stall: number;
  /** Milliseconds after which a connection that carries no call is closed. */
  readonly idle: number;
}

/** Milliseconds between pings to a client over a connection that carries nothing else; each is answered within 20 s. */
export const keepalive = 60_000;

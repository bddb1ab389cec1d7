import type { Dial, TlsState } from '../core/ports.ts';
import type { Open } from './dial/first-of.ts';
import { lazily } from './dial/lazily.ts';
import type { RelayConnection } from './relay/connection.ts';

/**
 * Like {@link createDial} and {@link createRelayDial}, loaded at the first dial of a node or relay: a command over the
 * relay of its own host needs no gRPC, and loading that takes longer than such a command.
 */
export function dialLater(tls: () => TlsState, timeout: number): Dial {
  return lazily(async () => (await import('./dial.ts')).createDial(tls, timeout));
}

/** @param timeout milliseconds for one address to connect */
export function dialRelayLater(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  return lazily(async () => (await import('./relay/dial-relay.ts')).createRelayDial(tls, timeout));
}

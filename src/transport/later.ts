import { once } from '../core/concurrency.ts';
import type { Dial, TlsState } from '../core/ports.ts';
import type { Open } from './first-of.ts';
import type { RelayConnection } from './relay/connection.ts';

/**
 * Like {@link createDial} and {@link createRelayDial}, loaded at the first dial of a node or relay: a command over the
 * relay of its own host needs no gRPC, and loading that takes longer than such a command.
 */
export function dialLater(tls: () => TlsState, timeout: number): Dial {
  return later(async () => (await import('./dial.ts')).createDial(tls, timeout));
}

/** @param timeout milliseconds for one address to connect */
export function dialRelayLater(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  return later(async () => (await import('./relay/dial-relay.ts')).createRelayDial(tls, timeout));
}

/** Makes what dials when it is first needed. */
export function later<Connection>(make: () => Promise<Open<Connection>>): Open<Connection> {
  const made = once(make);
  return async (name, addresses, signal) => (await made())(name, addresses, signal);
}

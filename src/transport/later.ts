import { once } from '../core/concurrency.ts';
import type { Dial, TlsState } from '../core/ports.ts';
import type { Open } from './dial.ts';
import type { RelayConnection } from './relay/connection.ts';

/**
 * As {@link createDial} and {@link createRelayDial}, loaded when the first node or relay is dialled: a command that the relay
 * of its own host serves needs no gRPC, and loading that takes longer than such a command.
 */
export function dialLater(tls: () => TlsState, timeout: number): Dial {
  return later(async () => (await import('./dial.ts')).createDial(tls, timeout));
}

/** @param timeout milliseconds for one address to connect */
export function dialRelayLater(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  return later(async () => (await import('./relay/relay-connection.ts')).createRelayDial(tls, timeout));
}

function later<Connection>(make: () => Promise<Open<Connection>>): Open<Connection> {
  const made = once(make);
  return async (name, addresses, signal) => (await made())(name, addresses, signal);
}

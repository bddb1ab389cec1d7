import type { TlsState } from '../../core/ports.ts';
import { firstOf, type Open } from '../dial/first-of.ts';
import { lazily } from '../dial/lazily.ts';
import type { RelayConnection } from './connection.ts';
import { openRelay } from './users/open.ts';

/**
 * Connects to relays over TLS: in frames, or over gRPC to an older one.
 * @param timeout milliseconds for one address to connect
 */
export function createRelayDial(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  const overGrpc = lazily(async () => (await import('./relay-connection.ts')).createGrpcRelayDial(tls, timeout));
  return firstOf(tls, async (name, address, context, signal) => {
    const overFrames = await openRelay(name, address, { context, tls, timeout }, signal);
    return overFrames ?? (await overGrpc(name, [address], signal));
  });
}

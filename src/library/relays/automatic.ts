import { Problem } from '../../core/errors.ts';
import type { TlsState } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import type { CachedNode } from '../../discovery/cache/content.ts';
import { dialRelayLater } from '../../transport/later.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';
import { type RelayLink, startRelayLink } from './relay-link.ts';

/** The number of known nodes from which unnamed relays are used: below, connecting to each node is as quick. */
export const automaticFrom = 32;
/** The maximum number of such relays. */
const mostRelays = 4;
/** Milliseconds for a relay to be connected and to report that it relays for this operator. */
const timeout = 500;

/**
 * Nodes that are used as relays without being named: those with the role of a relay in their certificates, as an
 * earlier command saw and as this handshake proves again. One that does not answer at once, or does not relay for this
 * operator, is not used.
 */
export async function openAutomatic(cache: Cache, tls: () => TlsState): Promise<RelayLink[]> {
  const nodes = cache.nodes();
  if (nodes.length < automaticFrom) return [];
  const candidates = nodes.filter(({ relays, addresses }) => relays === true && addresses.length > 0);
  const latest = candidates.sort((a, b) => b.lastSeen - a.lastSeen).slice(0, mostRelays);
  const opened = await Promise.all(latest.map((node) => openOne(node, tls)));
  return opened.filter((link) => link !== undefined);
}

async function openOne({ name, addresses }: CachedNode, tls: () => TlsState): Promise<RelayLink | undefined> {
  const dial = dialRelayLater(tls, timeout);
  const open = async (): Promise<RelayConnection> => {
    const relay = await dial(name, addresses, AbortSignal.timeout(timeout));
    if (relay.hasRole) return relay;
    relay.close();
    throw new Problem('no-relay', `the certificate of ${name} does not let it relay`);
  };
  const link = startRelayLink(name, open);
  try {
    const relay = await link.open();
    await relay.discover({ timeout: 0, names: [name] }, () => {}, AbortSignal.timeout(timeout));
    return link;
  } catch (error) {
    link.close();
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

import { startAnswerDeadline } from '../../core/waiting/deadline.ts';
import { Problem } from '../../core/errors.ts';
import type { TlsState } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import type { CachedNode } from '../../discovery/cache/content.ts';
import type { Open } from '../../transport/dial/first-of.ts';
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
  if (latest.length === 0) return [];
  // Loaded before the time begins: a relay cannot be late for it.
  const { createRelayDial } = await import('../../transport/relay/dial-relay.ts');
  const dial = createRelayDial(tls, timeout);
  const opened = await Promise.all(latest.map((node) => openOne(node, dial)));
  return opened.filter((link) => link !== undefined);
}

async function inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = startAnswerDeadline(timeout, []);
  return await ask(deadline.signal).finally(deadline.end);
}

async function openOne({ name, addresses }: CachedNode, dial: Open<RelayConnection>): Promise<RelayLink | undefined> {
  const open = async (): Promise<RelayConnection> => {
    const relay = await inTime((signal) => dial(name, addresses, signal));
    if (relay.hasRole) return relay;
    relay.close();
    throw new Problem('no-relay', `the certificate of ${name} does not let it relay`);
  };
  const link = startRelayLink(name, open);
  try {
    const relay = await link.open();
    await inTime((signal) => relay.discover({ timeout: 0, names: [name] }, () => {}, signal));
    return link;
  } catch (error) {
    link.close();
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

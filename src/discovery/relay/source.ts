import { isNodeName } from '../../core/identity.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';

/**
 * Asks all relays of a command at once for the nodes that they know or hear.
 * @param timeout milliseconds that each waits for the first answer by multicast
 * @yields names, each once
 */
export type DiscoverOverRelays = (timeout: number, signal: AbortSignal) => AsyncIterable<string>;

/** Nodes as relays know them: claims, until each node itself has signed a reply. */
export function relaySource(ask: DiscoverOverRelays, timeout: number): DiscoverySource {
  return {
    name: 'relay',
    async *discover(_filter, signal): AsyncGenerator<Candidate> {
      for await (const name of ask(timeout, signal)) {
        if (isNodeName(name)) yield { name, addresses: [], source: 'relay' };
      }
    },
  };
}

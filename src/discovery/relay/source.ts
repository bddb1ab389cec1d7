import { isNodeName } from '../../core/identity.ts';
import { equalityTerms } from '../../core/filter/terms.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { mayBeNamed } from '../may-match.ts';

/** What a command asks relays for. */
export interface RelaySearch {
  /** Milliseconds that each waits for the first answer by multicast. */
  readonly timeout: number;
  /** The only nodes that can match; empty: any may. */
  readonly names: string[];
  /** Whether a node of that name may match. */
  readonly isWanted: (name: string) => boolean;
}

/**
 * Asks all relays of a command at once for the nodes that they know or hear.
 * @yields names, each once; those that are not wanted, too: they are not proven
 */
export type DiscoverOverRelays = (search: RelaySearch, signal: AbortSignal) => AsyncIterable<string>;

/** Beyond, all nodes are asked for: relays then send less than they receive. */
const mostNames = 256;

/**
 * Nodes as relays know them: claims, until each node itself has signed a reply. A relay learns from the filter only the
 * names in it, which it sees in any case when they are called. It knows nothing else of its nodes: facts, classes and
 * agents are for each node to compare.
 */
export function relaySource(ask: DiscoverOverRelays, timeout: number): DiscoverySource {
  return {
    name: 'relay',
    async *discover(filter, signal): AsyncGenerator<Candidate> {
      const search = { timeout, names: namesIn(filter), isWanted: mayBeNamed(filter) };
      for await (const name of ask(search, signal)) {
        if (isNodeName(name)) yield { name, addresses: [], source: 'relay' };
      }
    },
  };
}

/** Every node that matches has one of these names; none: any name may match. */
function namesIn(filter: FilterTerms): string[] {
  const identities = equalityTerms(filter).filter(({ kind }) => kind === 'identity');
  const names = [...new Set(identities.map(({ value }) => value.toLowerCase()))];
  return names.length > mostNames ? [] : names;
}

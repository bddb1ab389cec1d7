import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { mayMatch } from '../may-match.ts';
import type { Cache } from './cache.ts';

/** The nodes known from before, without a question to the network. */
export function cacheSource(cache: Cache): DiscoverySource {
  return {
    name: 'cache',
    async *discover(filter: FilterTerms): AsyncGenerator<Candidate> {
      const possible = mayMatch(filter);
      for (const node of cache.nodes()) {
        if (possible(node)) yield { name: node.name, addresses: node.addresses, source: 'cache' };
      }
    },
  };
}

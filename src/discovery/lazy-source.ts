import type { DiscoverySource } from '../core/ports.ts';

/** A source whose code is loaded only when it is asked, so that no other command waits for it. */
export function lazySource(name: string, load: () => Promise<DiscoverySource>): DiscoverySource {
  return {
    name,
    async *discover(filter, signal) {
      yield* (await load()).discover(filter, signal);
    },
  };
}

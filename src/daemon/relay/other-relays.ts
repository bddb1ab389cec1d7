import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import type { DiscoverEvent, DiscoverRequest } from '../../core/wire/messages.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';
import { sizeOfKey } from './key-size.ts';
import type { Pool } from './pool.ts';

/** The other relays among the peers of a relay, and the nodes that they reported. */
export interface OtherRelays {
  /** The second relay on the way to a node: the first one, still connected, that reported it. */
  readonly to: (node: string) => SecondRelay | undefined;
  /**
   * Asks all of them for their nodes, at the same time.
   * @param onNode called with what each reports, and its name
   * @param most milliseconds for their answers
   */
  readonly ask: (
    request: DiscoverRequest,
    onNode: (event: DiscoverEvent, relay: string) => void,
    most: number,
    signal: AbortSignal,
  ) => Promise<void>;
}

export interface SecondRelay {
  readonly name: string;
  readonly connection: RelayConnection;
}

/** Bytes of one answer, with what is kept of each node; beyond, its rest is not read: the other relay may be hostile. */
const mostBytes = 64 * 1024 * 1024;
const bytesPerNode = 512;

export function startOtherRelays(pool: Pick<Pool, 'warm' | 'names'>, longestAnswer = mostBytes): OtherRelays {
  /** The nodes that each relay is connected to, as it reported last. */
  const lists = new Map<string, Set<string>>();
  const askOne = async (
    name: string,
    relay: RelayConnection,
    request: DiscoverRequest,
    onNode: (event: DiscoverEvent) => void,
    signal: AbortSignal,
  ) => {
    const known = lists.get(name) ?? new Set();
    lists.set(name, known);
    const reported = new Set<string>();
    const tooLong = new AbortController();
    let bytes = 0;
    const take = (event: DiscoverEvent) => {
      bytes += bytesPerNode + event.node.length + sizeOfKey(event.key);
      if (bytes > longestAnswer) return tooLong.abort();
      if (!isNodeName(event.node)) return;
      if (event.key) {
        known.add(event.node);
        reported.add(event.node);
      }
      onNode(event);
    };
    await relay.discover(request, take, AbortSignal.any([signal, tooLong.signal]));
    // It has lost its connection to those that it left out.
    for (const node of request.names.length > 0 ? request.names : known) if (!reported.has(node)) known.delete(node);
  };
  return {
    to: (node) => {
      for (const [name, nodes] of lists) {
        const connection = nodes.has(node) ? pool.warm(name)?.connection.relay : undefined;
        if (connection !== undefined) return { name, connection };
      }
      return undefined;
    },
    ask: async (request, onNode, most, signal) => {
      const until = AbortSignal.any([signal, AbortSignal.timeout(most)]);
      const names = pool.names();
      for (const name of lists.keys()) if (!names.includes(name)) lists.delete(name);
      await Promise.all(
        names.map(async (name) => {
          const relay = pool.warm(name)?.connection.relay;
          if (relay === undefined) return;
          try {
            await askOne(name, relay, request, (event) => onNode(event, name), until);
          } catch (error) {
            // Its nodes are not found over this path: those known elsewhere are reported as silent.
            if (!(error instanceof Problem)) throw error;
          }
        }),
      );
    },
  };
}

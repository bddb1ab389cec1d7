import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { openKey } from '../../core/sealed/encryption-key.ts';
import type { Trust } from '../../core/credentials/certificate.ts';
import type { DiscoverEvent } from '../../core/wire/messages.ts';
import type { RelayLink } from './relay-link.ts';

/** A way to a node over a relay, with the key that the node itself signed. */
export interface Route {
  readonly link: RelayLink;
  readonly publicKey: Buffer;
  /** The relays on the way, the nearest first, as the nearest says. */
  readonly path: readonly string[];
  /** When the relay reported it, on the clock of performance.now. */
  readonly at: number;
}

/** The ways to each node, at most one over each relay. */
export interface Routes {
  /** Takes what a relay reports; a key that its node did not sign is no route. @returns whether there is one now */
  readonly take: (event: DiscoverEvent, link: RelayLink) => boolean;
  /** Resolves when there is a way to the node. */
  readonly when: (node: string) => Promise<void>;
  /** Those over relays that are connected first. */
  readonly to: (node: string) => readonly Route[];
}

export function startRoutes(trust: () => Trust): Routes {
  const routes = new Map<string, Map<string, Route>>();
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  return {
    take: ({ node, key, path }, link) => {
      if (!key || !isNodeName(node)) return false;
      const publicKey = provenKey(key, node, trust());
      if (publicKey === undefined) return false;
      const known = routes.get(node) ?? new Map<string, Route>();
      routes.set(node, known);
      known.set(link.name, { link, publicKey, path: path.slice(0, 2), at: performance.now() });
      waiting.get(node)?.resolve();
      return true;
    },
    when: async (node) => {
      if (routes.has(node)) return;
      const wait = waiting.get(node) ?? Promise.withResolvers<void>();
      waiting.set(node, wait);
      await wait.promise;
    },
    to: (node) => {
      const all = [...(routes.get(node)?.values() ?? [])];
      return [...all.filter(({ link }) => link.isOpen()), ...all.filter(({ link }) => !link.isOpen())];
    },
  };
}

function provenKey(key: NonNullable<DiscoverEvent['key']>, node: string, trust: Trust): Buffer | undefined {
  try {
    return openKey(key, node, trust, Date.now());
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

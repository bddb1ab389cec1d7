import { createHash, hash } from 'node:crypto';
import { ownBytes } from '../../core/bytes.ts';
import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { type CheckedSignatures, openKey } from '../../core/sealed/encryption-key.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import type { DiscoverEvent, SignedKey } from '../../core/wire/messages.ts';
import { type KeyMemory, noKeyMemory } from './key-memory.ts';
import type { RelayLink } from './relay-link.ts';

/** A way to a node over a relay, with the key that the node itself signed. */
export interface Route {
  readonly link: RelayLink;
  readonly publicKey: Buffer;
  /** The key as the node signed it, unless it is remembered with this relay already. */
  readonly unknown?: SignedKey;
  /** The relays on the way, the nearest first, as the nearest reports. */
  readonly path: readonly string[];
  /** When the relay reported it, on the clock of performance.now. */
  readonly at: number;
}

/** The ways to each node, at most one over each relay. */
export interface Routes {
  /**
   * Accepts what a relay reports; a key that its node did not sign does not count as a route. @returns whether there is
   * one now
   */
  readonly take: (event: DiscoverEvent, link: RelayLink) => boolean;
  /** Accepts it, and proves the key only when the node is called: most nodes of a relay may not be. */
  readonly note: (event: DiscoverEvent, link: RelayLink) => void;
  /** Resolves when there is a way to the node. */
  readonly when: (node: string) => Promise<void>;
  /**
   * The best first: over a connected relay, then over fewer relays (one on the node's own segment), then by a random
   * draw that gives each of several equal relays an even share of the nodes.
   */
  readonly to: (node: string) => readonly Route[];
  /**
   * The way that an earlier command had, over a relay of this one: the node may have another key since, and the relay
   * no connection to it.
   */
  readonly recall: (node: string, links: readonly RelayLink[]) => Route | undefined;
}

/** What a relay reported, before it is proven. */
interface Noted {
  readonly event: DiscoverEvent;
  readonly link: RelayLink;
  readonly at: number;
}

/** Milliseconds for which a proven key is not proven again, as long as the trust is the same. */
const provenFor = 60_000;

export function startRoutes(trust: () => Trust, memory: KeyMemory = noKeyMemory): Routes {
  const prove = rememberKeys(trust);
  const routes = new Map<string, Map<string, Route>>();
  const noted = new Map<string, Noted[]>();
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const take = ({ event: { node, key, path }, link, at }: Noted): boolean => {
    if (!key || !isNodeName(node)) return false;
    const known = routes.get(node) ?? new Map<string, Route>();
    const remembered = memory.holds(node, key);
    const publicKey = prove(key, node, remembered);
    if (publicKey === undefined) return false;
    routes.set(node, known);
    const route = { link, publicKey, path: path.slice(0, 2), at };
    known.set(link.name, remembered?.relay === link.name ? route : { ...route, unknown: key });
    waiting.get(node)?.resolve();
    return true;
  };
  const settle = (node: string) => {
    for (const one of noted.get(node) ?? []) take(one);
    noted.delete(node);
  };
  return {
    take: (event, link) => take({ event, link, at: performance.now() }),
    note: (event, link) => {
      // The last report of each relay counts; a relay may report one node often.
      const others = (noted.get(event.node) ?? []).filter((one) => one.link !== link);
      noted.set(event.node, [...others, { event, link, at: performance.now() }]);
      if (waiting.has(event.node)) settle(event.node);
    },
    when: async (node) => {
      settle(node);
      if (routes.has(node)) return;
      const wait = waiting.get(node) ?? Promise.withResolvers<void>();
      waiting.set(node, wait);
      await wait.promise;
    },
    to: (node) => {
      settle(node);
      const all = [...(routes.get(node)?.values() ?? [])];
      if (all.length < 2) return all;
      const rank = ({ link, path }: Route) => [link.isOpen() ? 0 : 1, path.length, draw(node, link.name)];
      const ranked = all.map((route) => ({ route, rank: rank(route) }));
      return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ route }) => route);
    },
    recall: (node, links) => {
      const known = memory.recall(node);
      const link = links.find(({ name }) => name === known?.relay);
      if (known === undefined || link === undefined) return undefined;
      // Not through the memory of proofs, which needs a digest: it is recalled once, when its node is dialled.
      const publicKey = provenKey(known.signed, node, trust(), known);
      return publicKey && { link, publicKey, path: known.path, at: performance.now() };
    },
  };
}

/** A number that only node and relay determine (highest random weight, Thaler and Ravishankar 1998). */
function draw(node: string, relay: string): number {
  return createHash('sha256').update(`${node}\n${relay}`).digest().readUInt32BE();
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/**
 * Proves the keys of nodes. Several relays report the same key of a node: it is proven once, for a short time and for
 * one trust. The signatures of a key that an earlier command proved are not checked again.
 */
function rememberKeys(trust: () => Trust) {
  const proven = new Map<
    string,
    { readonly id: string; readonly trust: Trust; readonly at: number; readonly key: Buffer }
  >();
  return (signed: SignedKey, node: string, checked?: CheckedSignatures): Buffer | undefined => {
    // A digest, and a copy of the key: for each of thousands of nodes, its whole message would be kept.
    const id = hash('sha256', Buffer.concat([signed.key, signed.signature, ...signed.chain]), 'base64');
    const known = proven.get(node);
    const [now, current] = [performance.now(), trust()];
    if (known?.id === id && known.trust === current && now - known.at < provenFor) return known.key;
    const key = provenKey(signed, node, current, checked);
    if (key !== undefined) proven.set(node, { id, trust: current, at: now, key });
    return key;
  };
}

function provenKey(
  key: SignedKey,
  node: string,
  trust: Trust,
  checked: CheckedSignatures | undefined,
): Buffer | undefined {
  try {
    return ownBytes(openKey(key, node, trust, Date.now(), checked));
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

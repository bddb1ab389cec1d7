import { isNodeName } from '../core/identity.ts';
import type { Address, NodeFacts } from '../core/node.ts';
import type { FilterTerms, NodeDescription, Peer } from '../core/wire/messages.ts';
import type { CachedNode } from './cache/content.ts';
import { mayMatch } from './may-match.ts';
import type { ConfirmedNode } from './rumours/claimants.ts';

/** A known node, heard now or not. */
export interface KnownNode extends NodeFacts {
  readonly addresses: readonly Address[];
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
  /** Who saw it then: `cache`, or the name of the node that reported it. */
  readonly by: string;
}

/** The memory of this client. */
export interface ClientMemory {
  readonly nodes: () => CachedNode[];
  readonly forgotten: (name: string) => number | undefined;
}

/**
 * Merges this client's memory with the reached nodes' memory of their peers. Of each node the most recent sight counts;
 * nodes that `forget` retired stay retired until they were seen after that.
 * @param now milliseconds since the epoch; no sight is later than that, whatever a node's clock says
 */
export function uniteKnown(
  memory: ClientMemory | undefined,
  descriptions: Iterable<NodeDescription>,
  now: number,
): Map<string, KnownNode> {
  const known = new Map<string, KnownNode>();
  for (const node of memory?.nodes() ?? []) known.set(node.name, { ...node, facts: { ...node.facts }, by: 'cache' });
  for (const { identity, peers, time } of descriptions) {
    for (const peer of peers) {
      // By the age that the node reports, since its clock may differ from ours.
      const lastSeen = Math.min(now, now - (time - peer.lastHeard));
      if (!isNodeName(peer.identity) || lastSeen <= (memory?.forgotten(peer.identity) ?? 0)) continue;
      known.set(peer.identity, newer(known.get(peer.identity), fromPeer(peer, lastSeen, identity)));
    }
  }
  return known;
}

/** What decides which of a node's peers the search may dial. */
interface PeerSearch {
  readonly cache?: ClientMemory;
  readonly filter: FilterTerms;
  readonly expect?: readonly string[];
  readonly now: () => number;
}

/** The nodes that a node has proven, with what this client knows of them. */
export function peersOf(
  { cache, filter, now, expect = [] }: PeerSearch,
  description: NodeDescription,
): ConfirmedNode[] {
  if (description.peers.length === 0) return [];
  const possible = mayMatch(filter);
  return [...uniteKnown(cache, [description], now()).values()].map((node) => {
    const { name, addresses } = node;
    return { name, addresses, mayMatch: possible(node) || expect.includes(name) };
  });
}

/** Claims of a later sight replace the earlier ones; addresses of both are tried, the later first. */
function newer(before: KnownNode | undefined, peer: KnownNode): KnownNode {
  if (before === undefined) return peer;
  const [late, early] = peer.lastSeen > before.lastSeen ? [peer, before] : [before, peer];
  const more = early.addresses.filter(
    (one) => !late.addresses.some((it) => it.host === one.host && it.port === one.port),
  );
  return {
    ...late,
    addresses: [...late.addresses, ...more].slice(0, 8),
    agents: late.agents.length > 0 ? late.agents : early.agents,
    classes: late.agents.length > 0 ? late.classes : early.classes,
    facts: { ...early.facts, ...late.facts },
  };
}

function fromPeer(peer: Peer, lastSeen: number, by: string): KnownNode {
  const facts = peer.facts.map((fact) => {
    const cut = fact.indexOf('=');
    return [fact.slice(0, cut), fact.slice(cut + 1)] as const;
  });
  return {
    name: peer.identity,
    addresses: peer.address === '' ? [] : [{ host: peer.address, port: peer.port }],
    agents: peer.agents,
    classes: peer.classes,
    facts: Object.fromEntries(facts),
    lastSeen,
    by,
  };
}

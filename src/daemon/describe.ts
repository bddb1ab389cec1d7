import type { AgentEntry } from '../core/agent.ts';
import { Problem } from '../core/errors.ts';
import { lookUpFact } from '../core/filter/fact.ts';
import { matchesFilter, noFilter, parseFilter } from '../core/filter/filter.ts';
import type { JsonObject } from '../core/json.ts';
import type { NodeFacts } from '../core/node.ts';
import type { DuplicateNode, HeardNode } from '../core/ports.ts';
import { protocolVersion } from '../core/wire/codec.ts';
import type { DescribeRequest, NodeDescription, Peer } from '../core/wire/messages.ts';

/** The parts of a description. */
export interface Describable {
  readonly self: NodeFacts;
  readonly version: string;
  readonly agents: readonly AgentEntry[];
  readonly published: readonly string[];
  /** Read only if they are requested: there may be thousands. */
  readonly peers: () => readonly HeardNode[];
  readonly warnings: readonly string[];
  /** Names of facts that are known to be missing; `*` where the names are unknown. */
  readonly incomplete: readonly string[];
  readonly duplicates: readonly DuplicateNode[];
}

const mostPeers = 5000;

/**
 * Replies to a Describe: whether the whole filter matches, and the requested parts; without the id of the daemon.
 * @throws Problem `bad-filter`
 */
export function describeNode(
  request: DescribeRequest,
  node: Describable,
  now: number,
): Omit<NodeDescription, 'daemon'> {
  const matched = matchesFilter(parseFilter(request.filter ?? noFilter), node.self);
  if (request.facts.length > 1000) throw new Problem('bad-filter', 'more than 1000 facts were requested');
  const facts = request.facts.includes('*')
    ? node.self.facts
    : pick(node.self.facts, [...node.published, ...request.facts]);
  return {
    identity: node.self.name,
    version: node.version,
    protocol: protocolVersion,
    matched,
    agents: node.agents.map(({ ddl }) => ({
      name: ddl.name,
      version: ddl.version,
      ddl: request.full ? Buffer.from(JSON.stringify(ddl)) : Buffer.alloc(0),
    })),
    classes: [...node.self.classes],
    facts: Buffer.from(JSON.stringify(facts)),
    peers: request.peers ? node.peers().slice(0, mostPeers).map(peerOf) : [],
    warnings: [...node.warnings],
    incomplete: [...node.incomplete].slice(0, 1000),
    published: [...node.published],
    time: now,
    duplicates: node.duplicates.map((one) => ({ ...one, addresses: [...one.addresses] })),
  };
}

/** The named facts that exist; a name may reach a nested one by dots. */
function pick(facts: JsonObject, names: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const name of names) {
    const value = lookUpFact(facts, name);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function peerOf({ name, addresses, lastHeard, facts, agents, classes }: HeardNode): Peer {
  // A link-local address is valid only on this host.
  const address = addresses.find(({ host }) => !host.includes('%'));
  return {
    identity: name,
    address: address?.host ?? '',
    port: address?.port ?? 0,
    lastHeard,
    facts: Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`),
    agents: [...agents],
    classes: [...classes],
  };
}

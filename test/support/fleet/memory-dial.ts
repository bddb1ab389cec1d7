import { Problem } from '../../../src/core/errors.ts';
import { matchesFilter, noFilter, parseFilter } from '../../../src/core/filter/filter.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { formatAddress } from '../../../src/core/node.ts';
import type { Dial, NodeConnection } from '../../../src/core/ports.ts';
import type { Duplicate, NodeDescription, Peer } from '../../../src/core/wire/messages.ts';

/** A node that lives in memory at an address. */
export interface MemoryNode {
  readonly name: string;
  readonly agents?: readonly string[];
  readonly classes?: readonly string[];
  readonly facts?: JsonObject;
  /** Names of facts that it could not read. */
  readonly incomplete?: readonly string[];
  readonly peers?: readonly Partial<Peer>[];
  /** Names that it says two machines prove to have. */
  readonly duplicates?: readonly Duplicate[];
  /** Thrown by the handshake. */
  readonly refuses?: Problem;
  /** Accepts connections and never shakes hands. */
  readonly mute?: boolean;
  /** Connects and then says nothing. */
  readonly hangs?: boolean;
  /** Describes itself only then. */
  readonly describesAfter?: Promise<void>;
  /** Called when a dial that it keeps waiting is given up. */
  readonly onGivenUp?: () => void;
  /** Describes itself as another. */
  readonly says?: string;
  /** The version of its protocol, if not this one. */
  readonly protocol?: number;
}

/** A network in memory: nodes by `host:port`. */
export interface MemoryNetwork {
  readonly nodes: Map<string, MemoryNode>;
  readonly dial: Dial;
  /** `name@host:port` of every dial, in order. */
  readonly dialled: string[];
  readonly openConnections: () => number;
  readonly mostAtOnce: () => number;
  /** Names of the nodes that were asked for their peers. */
  readonly askedForPeers: string[];
  /** The facts that each node was asked for. */
  readonly askedForFacts: (readonly string[])[];
}

export function memoryNetwork(nodes: Readonly<Record<string, MemoryNode>>): MemoryNetwork {
  const network = new Map(Object.entries(nodes));
  const dialled: string[] = [];
  const askedForPeers: string[] = [];
  const askedForFacts: (readonly string[])[] = [];
  let open = 0;
  let dialling = 0;
  let most = 0;

  const dial: Dial = async (name, addresses, signal) => {
    dialling++;
    most = Math.max(most, dialling);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      let last = new Problem('unreachable', `no address of ${name} is known`);
      for (const address of addresses) {
        const at = formatAddress(address);
        dialled.push(`${name}@${at}`);
        const node = network.get(at);
        if (node === undefined) last = new Problem('unreachable', `${at} cannot be reached`);
        else if (node.mute === true) await untilGivenUp(signal).finally(() => node.onGivenUp?.());
        else if (node.refuses !== undefined) last = node.refuses;
        else if (node.name !== name) last = new Problem('wrong-node', `at the address of ${name} answers ${node.name}`);
        else return connect(node);
      }
      throw last;
    } finally {
      dialling--;
    }
  };

  function connect(node: MemoryNode): NodeConnection {
    open++;
    let closed = false;
    const unused = () => Promise.reject(new Error('not for these tests'));
    return {
      name: node.name,
      call: unused,
      result: unused,
      store: unused,
      close: () => {
        if (!closed) open--;
        closed = true;
      },
      describe: async (request, signal) => {
        if (node.hangs === true) await untilGivenUp(signal);
        if (node.describesAfter !== undefined) await Promise.race([node.describesAfter, untilGivenUp(signal)]);
        if (request.peers) askedForPeers.push(node.name);
        askedForFacts.push(request.facts);
        return descriptionOf(node, request);
      },
    };
  }

  return {
    nodes: network,
    dial,
    dialled,
    askedForPeers,
    askedForFacts,
    openConnections: () => open,
    mostAtOnce: () => most,
  };
}

function descriptionOf(node: MemoryNode, request: Parameters<NodeConnection['describe']>[0]): NodeDescription {
  const { name, agents = ['rpcutil'], classes = [], facts = {} } = node;
  return {
    identity: node.says ?? name,
    version: '0.1.0',
    protocol: node.protocol ?? 1,
    matched: matchesFilter(parseFilter(request.filter ?? noFilter), { name, agents, classes, facts }),
    agents: agents.map((agent) => ({ name: agent, version: '1', ddl: Buffer.alloc(0) })),
    classes: [...classes],
    facts: Buffer.from(JSON.stringify(facts)),
    peers: request.peers ? (node.peers ?? []).map(completePeer) : [],
    warnings: [],
    duplicates: [...(node.duplicates ?? [])],
    time: 1_000_000,
    incomplete: [...(node.incomplete ?? [])],
    published: ['cluster'],
    daemon: Buffer.alloc(0),
  };
}

function untilGivenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

function completePeer(peer: Partial<Peer>): Peer {
  return { identity: '', address: '', port: 0, lastHeard: 0, facts: [], agents: [], classes: [], ...peer };
}

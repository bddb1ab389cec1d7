import { isIPv6 } from 'node:net';
import { isNodeName } from '../../../core/identity.ts';
import { isObject } from '../../../core/json.ts';
import type { Address } from '../../../core/node.ts';
import type { DuplicateNode, HeardNode } from '../../../core/ports.ts';
import type { Sighting } from './sighting.ts';

/**
 * The nodes that proved themselves to this one, their addresses, and when they were last heard: limited, and the
 * longest unheard are dropped first.
 */
export interface PeerMemory {
  /**
   * Accepts a sighting that repeats a proven one: of a known node, at one of its proven addresses.
   * @returns false when it does not, and must be proven
   */
  readonly refresh: (sighting: Sighting, now: number) => boolean;
  /** Records a sighting that was proven at an address. */
  readonly learn: (sighting: Sighting, address: Address, now: number) => void;
  /** The other machines that have proven the name. */
  readonly others: (sighting: Sighting) => readonly KnownMachine[];
  /** Records that a known machine is there: another host passes its connections on. */
  readonly touch: (identity: string, target: string, now: number) => void;
  /** Whether a second machine has proven the name, and the first was not heard since: it may have moved. */
  readonly isUnsure: (identity: string) => boolean;
  /** Records a good-bye: a known node stays known, with the time at which it was last there. */
  readonly leave: (identity: string, now: number) => void;
  readonly heard: (now: number) => HeardNode[];
  /** Names that two machines prove, both heard within the last ten minutes. */
  readonly duplicates: (now: number) => DuplicateNode[];
  /** The same, of one name. */
  readonly duplicate: (identity: string, now: number) => DuplicateNode | undefined;
  readonly toJson: () => string;
  /** @throws Error when the text is not the memory of a node */
  readonly restore: (text: string) => void;
}

/** A machine under a name, and where it has proven itself. */
export interface KnownMachine {
  readonly target: string;
  readonly address: Address;
}

const version = 2;
const mostNodes = 4096;
const mostAddresses = 8;
const mostMachines = 4;
/** Milliseconds after which a node that was not heard again is dropped. */
const longest = 30 * 24 * 3600 * 1000;
/** Milliseconds for which a machine that claims a name counts as present. */
const machineHolds = 600_000;

/** One machine under a name, as it was proven. */
interface Machine {
  /** Where it was proven, the latest first; addresses that are only valid on one link come last. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly firstHeard: number;
  readonly lastHeard: number;
}

const none: ReadonlyMap<string, Machine> = new Map();

/** The memory of nodes, in the order in which they were last heard, and of the machines under their names. */
interface Tables {
  readonly nodes: Map<string, HeardNode>;
  readonly machines: Map<string, Map<string, Machine>>;
}

export function createPeerMemory(own: string): PeerMemory {
  const tables: Tables = { nodes: new Map(), machines: new Map() };
  const { nodes, machines } = tables;
  const duplicate = (identity: string, now: number) => duplicateOf(identity, machines.get(identity) ?? none, own, now);
  return {
    refresh: (sighting, now) => sighting.identity !== own && refresh(tables, sighting, now),
    learn(sighting, address, now) {
      seeMachine(tables, sighting, address.host, now);
      if (sighting.identity !== own) keep(tables, provenNode(tables, sighting, now));
    },
    others: ({ identity, target: but }) =>
      [...(machines.get(identity) ?? none)].flatMap(
        ([
          target,
          {
            hosts: [host],
            port,
          },
        ]) => (target === but || host === undefined ? [] : [{ target, address: { host, port } }]),
      ),
    touch(identity, target, now) {
      const machine = machines.get(identity)?.get(target);
      const node = nodes.get(identity);
      if (machine !== undefined) machines.get(identity)?.set(target, { ...machine, lastHeard: now });
      if (node !== undefined) keep(tables, { ...node, lastHeard: now });
    },
    isUnsure(identity) {
      const [first, second] = byArrival(machines.get(identity)?.values() ?? []);
      return identity !== own && first !== undefined && second !== undefined && first.lastHeard <= second.firstHeard;
    },
    leave(identity, now) {
      const before = nodes.get(identity);
      if (before !== undefined) keep(tables, { ...before, lastHeard: now });
    },
    heard: (now) => [...nodes.values()].filter(({ lastHeard }) => now - lastHeard < longest),
    duplicate,
    duplicates: (now) =>
      [...machines].flatMap(([identity, known]) =>
        // Nearly all names have one machine, and each description of this node asks for all of them.
        known.size > 1 || identity === own ? (duplicate(identity, now) ?? []) : [],
      ),
    toJson: () => JSON.stringify({ version, nodes: [...nodes.values()] }),
    restore(text) {
      const saved: unknown = JSON.parse(text);
      if (!isObject(saved) || !Array.isArray(saved.nodes)) throw new Error('not such a file');
      // The first version also stored names that were only heard.
      if (saved.version !== version) return;
      for (const node of saved.nodes.filter(isHeardNode)) if (!nodes.has(node.name)) keep(tables, node);
    },
  };
}

function keep({ nodes, machines }: Tables, node: HeardNode): void {
  nodes.delete(node.name);
  nodes.set(node.name, node);
  for (const name of nodes.keys()) {
    if (nodes.size <= mostNodes) break;
    nodes.delete(name);
    machines.delete(name);
  }
}

/** Records a sighting of a machine that was proven at a host. */
function seeMachine({ machines }: Tables, sighting: Sighting, host: string, now: number): void {
  const { identity, target, port, hosts: announced } = sighting;
  const known = machines.get(identity) ?? new Map<string, Machine>();
  const before = known.get(target);
  // A host announces different addresses by IPv4 and IPv6: an address of the packet's own family that is no longer
  // named is gone.
  const stays = (one: string) => one !== host && (announced.includes(one) || isIPv6(one) !== isIPv6(host));
  const hosts = everywhereFirst([host, ...(before?.hosts ?? []).filter(stays)]);
  const firstHeard = before?.firstHeard ?? now;
  known.set(target, { hosts: hosts.slice(0, mostAddresses), port, firstHeard, lastHeard: now });
  for (const oldest of known.keys()) {
    if (known.size <= mostMachines) break;
    known.delete(oldest);
  }
  machines.set(identity, known);
}

/** @returns false when it does not repeat what was proven */
function refresh(tables: Tables, sighting: Sighting, now: number): boolean {
  const { identity, target, from, hosts, claims } = sighting;
  const before = tables.nodes.get(identity);
  const machine = tables.machines.get(identity)?.get(target);
  if (before === undefined || machine === undefined) return false;
  const proven = [from, ...hosts].find((host) => machine.hosts.includes(host));
  if (proven === undefined) return false;
  seeMachine(tables, sighting, proven, now);
  // A sender elsewhere may report that the node is there, but not its claims.
  keep(tables, { ...before, ...(machine.hosts.includes(from) && claims !== undefined ? claims : {}), lastHeard: now });
  return true;
}

/** A node as its machine has proven and announced it. */
function provenNode({ nodes, machines }: Tables, sighting: Sighting, now: number): HeardNode {
  const { identity, target, hosts, port, claims } = sighting;
  const before = nodes.get(identity);
  const proven = machines.get(identity)?.get(target)?.hosts ?? [];
  const all = everywhereFirst([...new Set([...proven, ...hosts])]);
  return {
    name: identity,
    addresses: all.slice(0, mostAddresses).map((host) => ({ host, port })),
    agents: claims?.agents ?? before?.agents ?? [],
    classes: claims?.classes ?? before?.classes ?? [],
    facts: { ...(claims?.facts ?? before?.facts ?? {}) },
    lastHeard: now,
  };
}

/**
 * Two machines have one name if the first was heard again after the second had come: a machine with new addresses is no
 * longer heard under its old host name. Under a node's own name any other machine is a duplicate.
 */
function duplicateOf(
  name: string,
  known: ReadonlyMap<string, Machine>,
  own: string,
  now: number,
): DuplicateNode | undefined {
  const here = [...known.values()].filter(({ lastHeard }) => now - lastHeard < machineHolds);
  const [first, second] = byArrival(here);
  if (first === undefined) return undefined;
  const [at = ''] = first.hosts;
  if (name === own) return { identity: name, addresses: [at], since: first.firstHeard };
  if (second === undefined || first.lastHeard <= second.firstHeard) return undefined;
  if (first.hosts.some((host) => second.hosts.includes(host))) return undefined;
  return { identity: name, addresses: [at, second.hosts[0] ?? ''], since: second.firstHeard };
}

function byArrival(known: Iterable<Machine>): Machine[] {
  return [...known].sort((a, b) => a.firstHeard - b.firstHeard);
}

/** Link-local addresses last: they are only valid on one link. */
function everywhereFirst(hosts: readonly string[]): string[] {
  return hosts.toSorted((a, b) => Number(a.includes('%')) - Number(b.includes('%')));
}

function isHeardNode(value: unknown): value is HeardNode {
  if (!isObject(value) || typeof value.name !== 'string' || !isNodeName(value.name)) return false;
  const texts = (list: unknown) => Array.isArray(list) && list.every((one) => typeof one === 'string');
  const addresses = value.addresses;
  return (
    typeof value.lastHeard === 'number' &&
    isObject(value.facts) &&
    texts(value.agents) &&
    texts(value.classes) &&
    Array.isArray(addresses) &&
    addresses.every((one) => isObject(one) && typeof one.host === 'string' && typeof one.port === 'number')
  );
}

import { isNodeName } from '../../core/identity.ts';
import { isObject } from '../../core/json.ts';
import type { Address } from '../../core/node.ts';
import type { HeardNode } from '../../core/ports.ts';
import type { ServiceAnswer } from './wire/answer.ts';

/** Whom a node heard of, and when: bounded, the longest unheard go first. */
export interface PeerMemory {
  readonly hear: (answer: ServiceAnswer, addresses: readonly string[], now: number) => void;
  readonly heard: (now: number) => HeardNode[];
  readonly toJson: () => string;
  readonly restore: (text: string) => void;
}

const version = 1;
/** A flood of made-up names must not grow the daemon. */
const mostNodes = 4096;
const mostAddresses = 8;
/** Milliseconds after which a node that was never heard of again is let go. */
const longest = 30 * 24 * 3600 * 1000;

export function createPeerMemory(own: string): PeerMemory {
  // In the order in which they were last heard of.
  const nodes = new Map<string, HeardNode>();

  function keep(node: HeardNode): void {
    nodes.delete(node.name);
    nodes.set(node.name, node);
    for (const name of nodes.keys()) {
      if (nodes.size <= mostNodes) break;
      nodes.delete(name);
    }
  }

  return {
    hear(answer, hosts, now) {
      const before = nodes.get(answer.identity);
      // A good-bye is no sign of what a node is; it stays known, with the time at which it was last there.
      if (answer.identity === own || (answer.leaves && before === undefined)) return;
      const addresses: Address[] = hosts.slice(0, mostAddresses).map((host) => ({ host, port: answer.port }));
      keep({
        name: answer.identity,
        addresses: addresses.length > 0 ? addresses : (before?.addresses ?? []),
        agents: answer.claims?.agents ?? before?.agents ?? [],
        classes: answer.claims?.classes ?? before?.classes ?? [],
        facts: { ...(answer.claims?.facts ?? before?.facts ?? {}) },
        lastHeard: now,
      });
    },
    heard: (now) => [...nodes.values()].filter(({ lastHeard }) => now - lastHeard < longest),
    toJson: () => JSON.stringify({ version, nodes: [...nodes.values()] }),
    restore(text) {
      const saved: unknown = JSON.parse(text);
      if (!isObject(saved) || saved.version !== version || !Array.isArray(saved.nodes))
        throw new Error('not such a file');
      for (const node of saved.nodes.filter(isHeardNode)) if (!nodes.has(node.name)) keep(node);
    },
  };
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

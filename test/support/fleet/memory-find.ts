import assert from 'node:assert/strict';
import { join } from 'node:path';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import { type Cache, openCache } from '../../../src/discovery/cache/cache.ts';
import { type FindOptions, findNodes } from '../../../src/discovery/directory.ts';
import { temporaryDirectory } from '../agents/agent-setup.ts';
import { keepingLog } from '../node/quiet-log.ts';
import type { MemoryNetwork, MemoryNode } from './memory-dial.ts';

/** The time on the clocks of the client and of its nodes, in milliseconds since 1970. */
export const now = 1_000_000;
/** Nodes of the cluster bravo. */
export const bravo = { ...noFilter, facts: ['cluster=bravo'] };

/** The only address, at the usual port. */
export const at = (host: string) => [{ host, port: 5810 }];

/** A node that announces itself by multicast. */
export const heard = (name: string, host: string, origin = `${host}.local`): Candidate => {
  return { name, addresses: at(host), source: 'mdns', origin };
};

/** A node that a file lists, with or without an address. */
export const listed = (name: string, host?: string): Candidate => {
  return { name, addresses: host === undefined ? [] : at(host), source: 'file' };
};

/** A web server of a cluster. */
export const web = (name: string, cluster: string): MemoryNode => ({
  name,
  facts: { cluster },
  agents: ['rpcutil', 'appmgr'],
});

/** A source that returns these for every question, and only the named ones where nodes are named. */
export function telling(name: string, candidates: readonly Candidate[]): DiscoverySource {
  return {
    name,
    async *discover({ identities }) {
      for (const one of candidates) if (identities.length === 0 || identities.includes(one.name)) yield one;
    },
  };
}

/** An empty cache in its own file. */
export const newCache = () => openCache(join(temporaryDirectory(), 'cache.json'), keepingLog());

/** A cache of these nodes, which were last seen at 5000. */
export async function cacheOf(...nodes: [name: string, host: string, cluster: string][]): Promise<Cache> {
  const cache = await newCache();
  cache.remember(
    nodes.map(([name, host, cluster]) => {
      return { name, addresses: at(host), agents: ['rpcutil'], classes: [], facts: { cluster } };
    }),
    5000,
  );
  return cache;
}

/** Finds nodes in this network among the candidates, and closes the connections to them. */
export async function find(network: MemoryNetwork, candidates: readonly Candidate[], more: Partial<FindOptions> = {}) {
  const order = { source: telling('mdns', candidates), filter: noFilter, dial: network.dial, now: () => now };
  const signal = new AbortController().signal;
  const findings = await findNodes({ ...order, log: keepingLog(), signal, ...more });
  const names = findings.nodes.map(({ name }) => name);
  for (const { connection } of findings.nodes) connection.close();
  assert.equal(network.openConnections(), 0, 'a connection was left open');
  return { ...findings, names, codes: findings.broken.map(({ name, problem }) => `${name} ${problem.code}`) };
}

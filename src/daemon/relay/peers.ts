import { setTimeout as sleep } from 'node:timers/promises';
import { explain } from '../../core/errors.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { type Address, defaultPort } from '../../core/node.ts';
import type { DiscoverySource, HeardNode } from '../../core/ports.ts';
import { openSection } from '../../discovery/sections/open.ts';
import { inNodeYaml } from '../../discovery/sections/place.ts';
import type { RelaySettings } from '../config/config.ts';
import type { KnownPeer } from './pool.ts';

export interface PeersOptions {
  readonly settings: Pick<RelaySettings, 'nodes' | 'sources' | 'refresh'>;
  /** The relay's own name: it is not its own peer. */
  readonly own: string;
  /** The nodes that it hears by multicast. */
  readonly heard: () => readonly HeardNode[];
  /** Called with each peer that was listed before, and is neither listed nor heard now. */
  readonly onDropped: (name: string) => void;
  /** Called when a source has listed peers that may be new. */
  readonly onListed: () => void;
}

/** Who the peers of a relay are: the nodes that it hears, those in its list, and those that its sources list. */
export interface Peers {
  /** Who is known now. The list is read again; the sources are asked in the background. */
  readonly known: () => Promise<KnownPeer[]>;
  /** The lists that could not be read. */
  readonly warnings: () => readonly string[];
  readonly stop: () => void;
}

/** Milliseconds for DNS or Consul to answer. */
const answerTimeout = 10_000;

/** Milliseconds after which a source that failed is asked again, where it would have to wait longer otherwise. */
const retryAfter = 5000;

/** One place that lists peers. */
interface Listing extends ListingPlace {
  /** What it listed last: an answer that cannot be read loses no peer. */
  peers: readonly KnownPeer[];
  fault: string | undefined;
}

export function startPeers({ settings, own, heard, onDropped, onListed }: PeersOptions): Peers {
  const stopping = new AbortController();
  const listings = listingPlaces(settings).map((place): Listing => ({ ...place, peers: [], fault: undefined }));
  const file = listings.filter(({ isFile }) => isFile);
  const everyone = () => [...listings.flatMap(({ peers }) => peers), ...heard()];
  const refresh = async (listing: Listing) => {
    const before = listing.peers;
    await read(listing, stopping.signal);
    const stays = new Set(everyone().map(({ name }) => name));
    for (const { name } of before) if (!stays.has(name)) onDropped(name);
  };
  const keepAsking = async (listing: Listing) => {
    while (!stopping.signal.aborted) {
      await refresh(listing);
      if (!stopping.signal.aborted) onListed();
      const pause = settings.refresh * 1000;
      const wait = listing.fault === undefined ? pause : Math.min(pause, retryAfter);
      await sleep(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
  };
  for (const listing of listings) if (!listing.isFile) void keepAsking(listing);
  return {
    known: async () => {
      await Promise.all(file.map(refresh));
      const byName = new Map<string, KnownPeer>();
      for (const peer of everyone()) byName.set(peer.name, together(peer, byName.get(peer.name)));
      return [...byName.values()].filter(({ name, addresses }) => name !== own && addresses.length > 0);
    },
    warnings: () =>
      listings.flatMap(({ fault }) =>
        fault === undefined ? [] : [`the relay keeps its last list of peers: ${fault}`],
      ),
    stop: () => stopping.abort(),
  };
}

/**
 * A peer of two places. Those where it was heard come first, since it has proven itself there; it may have moved since,
 * and then only the list is correct.
 */
function together(peer: KnownPeer, before: KnownPeer | undefined): KnownPeer {
  if (before === undefined) return peer;
  const isNew = ({ host, port }: Address) => !peer.addresses.some((one) => one.host === host && one.port === port);
  const addresses = [...peer.addresses, ...before.addresses.filter(isNew)];
  return { name: peer.name, addresses, lastHeard: Math.max(peer.lastHeard, before.lastHeard) };
}

async function read(listing: Listing, signal: AbortSignal): Promise<void> {
  try {
    const peers: KnownPeer[] = [];
    const source = await listing.open();
    for await (const { name, addresses } of source.discover(noFilter, signal)) {
      // A name alone is a host name.
      const places = addresses.length > 0 ? addresses : [{ host: name, port: defaultPort }];
      peers.push({ name, addresses: places, lastHeard: 0 });
    }
    listing.peers = peers;
    listing.fault = undefined;
  } catch (error) {
    if (!signal.aborted) listing.fault = explain(error);
  }
}

/** A place that lists peers: the file, or a source. */
export interface ListingPlace {
  /** For messages: the path of the file, or `the source consul`. */
  readonly what: string;
  readonly isFile: boolean;
  readonly open: () => Promise<DiscoverySource>;
}

/** The places that the settings name. The code of each is loaded when it is opened. */
export function listingPlaces({ nodes, sources = {} }: Pick<RelaySettings, 'nodes' | 'sources'>): ListingPlace[] {
  const { dns, consul, puppetdb, sql, exec } = sources;
  const timeout = answerTimeout;
  const setting = inNodeYaml('dns.server');
  const openers: Readonly<Record<string, ListingPlace['open'] | undefined>> = {
    dns: dns && (async () => (await import('../../discovery/dns/source.ts')).dnsSource({ ...dns, setting, timeout })),
    consul: consul && (() => openSection.consul(consul, timeout, inNodeYaml)),
    puppetdb: puppetdb && (() => openSection.puppetdb(puppetdb, inNodeYaml)),
    sql: sql && (() => openSection.sql(sql, inNodeYaml)),
    exec: exec && (() => openSection.exec(exec, inNodeYaml)),
  };
  const ofSources = Object.entries(openers).flatMap(([name, open]) =>
    open === undefined ? [] : [{ what: `the source ${name}`, isFile: false, open }],
  );
  if (nodes === undefined) return ofSources;
  const openFile = async () =>
    (await import('../../discovery/file/source.ts')).fileSource(nodes, 'relay.nodes in node.yaml');
  return [{ what: nodes, isFile: true, open: openFile }, ...ofSources];
}

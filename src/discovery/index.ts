import { Problem } from '../core/errors.ts';
import type { DiscoverySource, Log } from '../core/ports.ts';
import { suggest } from '../core/text.ts';
import type { Cache } from './cache/cache.ts';
import { cacheSource } from './cache/source.ts';
import type { ConsulSourceConfig } from './consul/config.ts';
import type { ExecSourceConfig } from './exec/config.ts';
import { lazySource } from './lazy-source.ts';
import type { PuppetdbSourceConfig } from './puppetdb/config.ts';
import type { SqlSourceConfig } from './sql/config.ts';
import { type DiscoverOverRelays, relaySource } from './relay/source.ts';
import { openSection } from './sections/open.ts';

/** The options of all sources; each uses its own. */
export interface DiscoveryOptions {
  readonly interfaces: readonly string[];
  /** Milliseconds to wait for the first answer. */
  readonly timeout: number;
  /** The list of nodes, for `file`. */
  readonly file?: string;
  /** For `dns`: the domain that lists the nodes, and a server other than the system's. */
  readonly domain?: string;
  readonly server?: string;
  /** The content of standard input, for `stdin`. */
  readonly list: () => Promise<string>;
  /** For the sources of these names. */
  readonly exec?: ExecSourceConfig;
  readonly consul?: ConsulSourceConfig;
  readonly puppetdb?: PuppetdbSourceConfig;
  readonly sql?: SqlSourceConfig;
  /** Asks the relays of the command, for `relay`. */
  readonly askRelays?: DiscoverOverRelays;
  readonly cache: Cache;
  readonly log: Log;
}

/** A source of nodes, under its name for `--dm`. */
export interface SourceEntry {
  readonly name: string;
  /** @throws Problem `usage` when an option that it needs is missing */
  readonly create: (options: DiscoveryOptions) => DiscoverySource;
}

export const sources: readonly SourceEntry[] = [
  {
    name: 'mdns',
    create: (options) => lazySource('mdns', async () => (await import('./mdns/source.ts')).mdnsSource(options)),
  },
  {
    name: 'file',
    create({ file }) {
      if (file === undefined) throw new Problem('usage', 'discovery by file needs a file', 'give it with --nodes FILE');
      return lazySource('file', async () => (await import('./file/source.ts')).fileSource(file));
    },
  },
  {
    name: 'stdin',
    create: ({ list }) => lazySource('stdin', async () => (await import('./stdin/source.ts')).stdinSource(list)),
  },
  {
    name: 'relay',
    create({ askRelays, timeout }) {
      const hint = 'name one with --via, or as relays in client.yaml';
      if (askRelays === undefined) throw new Problem('usage', 'discovery by relay needs a relay', hint);
      return relaySource(askRelays, timeout);
    },
  },
  { name: 'cache', create: ({ cache }) => cacheSource(cache) },
  {
    name: 'dns',
    create({ domain, server, timeout }) {
      const hint = 'give it as discovery.domain in client.yaml';
      if (domain === undefined) throw new Problem('usage', 'discovery by dns needs a domain', hint);
      const settings = { domain, timeout, ...(server === undefined ? {} : { server }) };
      return lazySource('dns', async () => (await import('./dns/source.ts')).dnsSource(settings));
    },
  },
  {
    name: 'exec',
    create({ exec }) {
      const config = required(exec, 'exec', 'command: [PROGRAM]');
      return lazySource('exec', () => openSection.exec(config));
    },
  },
  {
    name: 'consul',
    create({ consul, timeout }) {
      const config = required(consul, 'consul', 'url: URL');
      return lazySource('consul', () => openSection.consul(config, timeout));
    },
  },
  {
    name: 'puppetdb',
    create({ puppetdb }) {
      const config = required(puppetdb, 'puppetdb', 'url: URL');
      return lazySource('puppetdb', () => openSection.puppetdb(config));
    },
  },
  {
    name: 'sql',
    create({ sql }) {
      const config = required(sql, 'sql', 'url: URL, query: QUERY');
      return lazySource('sql', () => openSection.sql(config));
    },
  },
];

/** @throws Problem `usage` when client.yaml has no such section */
function required<T>(config: T | undefined, name: string, example: string): T {
  if (config !== undefined) return config;
  const hint = `add discovery.${name}: { ${example} } to client.yaml`;
  throw new Problem('usage', `discovery by ${name} is not configured`, hint);
}

/** @throws Problem `usage` when there is no source of that name */
export function sourceByName(name: string, options: DiscoveryOptions): DiscoverySource {
  const entry = sources.find((one) => one.name === name);
  if (entry === undefined) {
    const names = sources.map((one) => one.name);
    throw new Problem('usage', `there is no discovery method “${name}”`, suggest(name, names));
  }
  return entry.create(options);
}

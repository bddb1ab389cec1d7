import { Problem } from '../core/errors.ts';
import type { DiscoverySource, Log } from '../core/ports.ts';
import { suggest } from '../core/text.ts';
import type { Cache } from './cache/cache.ts';
import { cacheSource } from './cache/source.ts';
import { dnsSource } from './dns/source.ts';
import { fileSource } from './file/source.ts';
import { mdnsSource } from './mdns/source.ts';
import { stdinSource } from './stdin/source.ts';

/** All that any source needs; each takes its own. */
export interface DiscoveryOptions {
  readonly interfaces: readonly string[];
  /** Milliseconds to wait for the first answer. */
  readonly timeout: number;
  /** The list of nodes, for `file`. */
  readonly file?: string;
  /** For `dns`: the domain that lists the nodes, and a server other than the system's. */
  readonly domain?: string;
  readonly server?: string;
  /** What is on standard input, for `stdin`. */
  readonly list: () => Promise<string>;
  readonly cache: Cache;
  readonly log: Log;
}

/** A way to hear of nodes, by the name that `--dm` takes. */
export interface SourceEntry {
  readonly name: string;
  /** @throws Problem `usage` when an option that it needs is missing */
  readonly create: (options: DiscoveryOptions) => DiscoverySource;
}

export const sources: readonly SourceEntry[] = [
  { name: 'mdns', create: mdnsSource },
  {
    name: 'file',
    create({ file }) {
      if (file === undefined) throw new Problem('usage', 'discovery by file needs a file', 'give it with --nodes FILE');
      return fileSource(file);
    },
  },
  { name: 'stdin', create: ({ list }) => stdinSource(list) },
  { name: 'cache', create: ({ cache }) => cacheSource(cache) },
  {
    name: 'dns',
    create({ domain, server, timeout }) {
      const hint = 'give it as discovery.domain in client.yaml';
      if (domain === undefined) throw new Problem('usage', 'discovery by dns needs a domain', hint);
      return dnsSource({ domain, timeout, ...(server === undefined ? {} : { server }) });
    },
  },
];

/** @throws Problem `usage` when there is no source of that name */
export function sourceByName(name: string, options: DiscoveryOptions): DiscoverySource {
  const entry = sources.find((one) => one.name === name);
  if (entry === undefined) {
    const names = sources.map((one) => one.name);
    throw new Problem('usage', `there is no discovery method “${name}”`, suggest(name, names));
  }
  return entry.create(options);
}

import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type ClaimedNode, candidatesOf, claimedFacts, requireObject } from '../claims.ts';
import { fetchJson } from '../http.ts';
import { inClientYaml } from '../sections/place.ts';
import type { PuppetdbSourceConfig } from './config.ts';

/** Milliseconds: PuppetDB is slow for a query on a large fleet. */
const timeout = 30_000;

/**
 * Nodes from PuppetDB (API v4, “Root endpoint”: POST /pdb/query/v4 with a query in PQL). A node's name is its certname,
 * and without an address it is dialled by that name.
 */
export function puppetdbSource(config: PuppetdbSourceConfig, place = inClientYaml): DiscoverySource {
  const { url, port } = config;
  return {
    name: 'puppetdb',
    async *discover(filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      const address = new URL('pdb/query/v4', url.endsWith('/') ? url : `${url}/`);
      const body = { query: config.query ?? queryFor(config.facts) };
      const { value } = await fetchJson({ what: 'puppetdb', place, url: address, tls: config, body, timeout }, signal);
      const from = `PuppetDB at ${address.origin}`;
      if (!Array.isArray(value)) throw new Problem('bad-nodes', `${from}: its answer is not a list of rows`);
      const claimed = value.map((row: unknown, index) => nodeOf(row, port, `${from}, row ${index + 1}`));
      yield* candidatesOf(claimed, 'puppetdb', from, filter, place);
    },
  };
}

/** Active nodes: not those that were deactivated or have expired. */
function queryFor(facts: readonly string[]): string {
  const columns = ['certname', ...facts.map((name) => `facts.${name}`)];
  const active = 'nodes { deactivated is null and expired is null }';
  return `inventory[${columns.join(', ')}] { ${active} }`;
}

function nodeOf(row: unknown, port: number | undefined, at: string): ClaimedNode {
  const { certname, facts, ...columns } = requireObject(row, at);
  if (typeof certname !== 'string') throw new Problem('bad-nodes', `${at} has no certname`);
  return {
    name: certname,
    ...(port === undefined ? {} : { address: certname, port }),
    facts: { ...claimedFacts(isObject(facts) ? facts : {}), ...named(columns) },
  };
}

/** Columns are called `facts.cluster` if a fact was requested. */
function named(columns: Readonly<Record<string, unknown>>): JsonObject {
  const entries = Object.entries(columns).map(([name, value]) => [name.replace(/^facts\./, ''), value] as const);
  return claimedFacts(Object.fromEntries(entries));
}

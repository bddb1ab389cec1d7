import { explainErrno, Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import { printableLine } from '../../core/text.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type ClaimedNode, candidatesOf, claimedFacts } from '../claims.ts';
import { inClientYaml, type SettingsPlace } from '../sections/place.ts';
import type { Row, SqlSourceConfig } from './config.ts';

/**
 * Nodes from a database, by a custom query. The columns `name`, `address` and `port` are a node's address; every other
 * column is claimed as a fact, and those of an object in the column `facts` (JSON) too. The query cannot change
 * anything.
 */
export function sqlSource(config: SqlSourceConfig, place = inClientYaml): DiscoverySource {
  const isSqlite = config.url.startsWith('sqlite:');
  const from = isSqlite
    ? `the database ${config.url.slice('sqlite:'.length)}`
    : `the database at ${hostIn(config.url)}`;
  return {
    name: 'sql',
    async *discover(filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      signal.throwIfAborted();
      const rows = await ask(isSqlite, config, from, place, signal);
      const claimed = rows.map((row, index) => nodeOf(row, `${from}, row ${index + 1}`));
      yield* candidatesOf(claimed, 'sql', from, filter, place);
    },
  };
}

function hostIn(url: string): string {
  return URL.parse(url)?.host || 'its default host';
}

async function ask(
  isSqlite: boolean,
  config: SqlSourceConfig,
  from: string,
  place: SettingsPlace,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  try {
    // Loaded only when a database is asked.
    if (isSqlite) return (await import('./sqlite.ts')).querySqlite(config);
    return await (await import('./postgres.ts')).queryPostgres(config, signal);
  } catch (cause) {
    if (signal.aborted) throw new Problem('cancelled', `the query of ${from} was cancelled`, '', { cause });
    const why = printableLine(explainErrno(cause));
    throw new Problem('source-failed', `${from} gives no list of nodes: ${why}`, `check ${place('sql')}`, { cause });
  }
}

function nodeOf({ name, address, port, facts, ...columns }: Row, at: string): ClaimedNode {
  if (typeof name !== 'string') throw new Problem('bad-nodes', `${at} has no column “name” with text in it`);
  const claimed = typeof facts === 'string' ? parseFacts(facts, at) : isObject(facts) ? (facts as JsonObject) : {};
  return {
    name,
    ...(typeof address === 'string' && address !== '' ? { address } : {}),
    ...(typeof port === 'number' || typeof port === 'bigint' ? { port: Number(port) } : {}),
    facts: { ...claimedFacts(columns), ...claimedFacts(claimed) },
  };
}

function parseFacts(text: string, at: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value as JsonObject;
  } catch {
    // Reported below.
  }
  throw new Problem('bad-nodes', `${at}: its “facts” are not an object in JSON`);
}

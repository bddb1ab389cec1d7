import { noFilter } from '../core/filter/filter.ts';
import type { Candidate } from '../core/node.ts';
import type { DiscoverySource } from '../core/ports.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import { type Attempt, isReached } from './attempt.ts';
import type { Cache } from './cache/cache.ts';
import { mayMatch } from './may-match.ts';
import { type KnownNode, uniteKnown } from './known.ts';
import type { DialQueue } from './dial-queue.ts';

/** The part of a search that decides which nodes should be there. */
export interface Search {
  readonly source: DiscoverySource;
  readonly filter: FilterTerms;
  readonly cache?: Cache;
  readonly expect?: readonly string[];
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Milliseconds to ask again, by name, for known nodes that were not heard. */
const secondAsking = 300;

/** Sources that name exactly the caller's nodes: no other node is expected. */
const exactSources = new Set(['file', 'stdin']);

export function namesExactly(source: DiscoverySource): boolean {
  return exactSources.has(source.name);
}

/** Known nodes that may match, and were neither reached nor heard. */
export function missingNodes(
  search: Search,
  attempts: readonly Attempt[],
  isRumour: (candidate: Candidate) => boolean,
): Map<string, KnownNode> {
  const reached = attempts.filter(isReached);
  // A failed rumour, or a failure at the last known address, does not decide about a node that others have proven.
  const counted = attempts.filter(
    (one) => one.proven || !(isRumour(one.candidate) || one.candidate.source === 'known'),
  );
  const seen = new Set(counted.map(({ candidate }) => candidate.name));
  const known = namesExactly(search.source)
    ? new Map<string, KnownNode>()
    : uniteKnown(
        search.cache,
        reached.map(({ result }) => result.description),
        search.now(),
      );
  const possible = mayMatch(search.filter);
  const expected = new Set(search.expect);
  for (const [name, node] of known) if (seen.has(name) || !(expected.has(name) || possible(node))) known.delete(name);
  for (const name of expected)
    if (!seen.has(name) && !known.has(name)) known.set(name, expectedNode(name, search.cache));
  return known;
}

function expectedNode(name: string, cache: Cache | undefined): KnownNode {
  const cached = cache?.nodes().find((node) => node.name === name);
  if (cached !== undefined) return { ...cached, facts: { ...cached.facts }, by: 'cache' };
  return { name, addresses: [], agents: [], classes: [], facts: {}, lastSeen: 0, by: 'expected' };
}

/** Tries missing nodes at their last addresses, and asks for them by name: they may have moved. */
export async function searchAgain(
  search: Search,
  queue: DialQueue,
  missing: ReadonlyMap<string, KnownNode>,
): Promise<void> {
  if (missing.size === 0) return;
  for (const { name, addresses } of missing.values())
    if (addresses.length > 0) queue.add({ name, addresses, source: 'known' });
  if (search.source.name === 'mdns') {
    const names: FilterTerms = { ...noFilter, identities: [...missing.keys()] };
    const signal = AbortSignal.any([search.signal, AbortSignal.timeout(secondAsking), allReached(queue, missing)]);
    for await (const candidate of search.source.discover(names, signal)) {
      if (missing.has(candidate.name)) queue.add(candidate);
    }
  }
  await queue.idle();
}

/** Aborted when all of them were reached. */
function allReached(queue: DialQueue, missing: ReadonlyMap<string, KnownNode>): AbortSignal {
  const reached = new AbortController();
  void queue.idle().then(() => {
    const names = new Set(
      queue
        .attempts()
        .filter(isReached)
        .map(({ candidate }) => candidate.name),
    );
    if ([...missing.keys()].every((name) => names.has(name))) reached.abort();
  });
  return reached.signal;
}

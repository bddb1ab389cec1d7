import { filterNeedsFacts, parseFilter } from '../core/filter/filter.ts';
import { equalityTerms } from '../core/filter/terms.ts';
import { once } from '../core/waiting/concurrency.ts';
import { type Candidate, defaultPort } from '../core/node.ts';
import type { Dial, DiscoverySource, Log } from '../core/ports.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import type { Cache } from './cache/cache.ts';
import type { CachedNode } from './cache/content.ts';
import { addressHints } from './cache/address-hints.ts';
import { learn } from './cache/learn.ts';
import { mayBeNamed, mayMatch } from './may-match.ts';
import { takeDuplicates } from './duplicates.ts';
import {
  type BrokenNode,
  type FoundNode,
  type Rumours,
  type SilentNode,
  type Sorted,
  sortAttempts,
} from './findings.ts';
import { filterHints } from './filter-hints.ts';
import { doubtfulNodes } from './uncertain-nodes.ts';
import { type KnownNode, peersOf, uniteKnown } from './known.ts';
import { searchAgain, missingNodes, namesExactly } from './missing.ts';
import { type AttemptOptions, type DescribeNode, isReached } from './attempt.ts';
import { type DialQueueOptions, startDialQueue } from './dial-queue.ts';

export type { BrokenNode, FoundNode, Rumours, SilentNode } from './findings.ts';

export interface FindOptions {
  readonly source: DiscoverySource;
  readonly filter: FilterTerms;
  /** Names of the facts to ask each node for. */
  readonly facts?: readonly string[];
  /** Sends each node a question as soon as it is proven, so that no node waits for the slowest handshake. */
  readonly ask?: DescribeNode;
  /** Asks for the agents' DDLs too. */
  readonly full?: boolean;
  /** Whether nodes will be called: else each connection is closed at once, and many nodes cost no more memory than few (default true). */
  readonly keep?: boolean;
  /**
   * Called for each matching node as soon as it is proven; a duplicate identity among them is withdrawn in the
   * findings.
   */
  readonly onNode?: (node: FoundNode) => void;
  /** Called when a candidate is dialled, and when it answered or was given up. */
  readonly onTurn?: DialQueueOptions['onTurn'];
  readonly cache?: Cache;
  readonly dial: Dial;
  /** The connection to a node that needs no dialling, if there is one. */
  readonly recall?: AttemptOptions['recall'];
  /** Concurrent connections to nodes (default 32). */
  readonly concurrency?: number;
  /** Milliseconds to connect to one node and receive its description (default 5,000). */
  readonly timeout?: number;
  /** Names of nodes that must exist. */
  readonly expect?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Findings {
  /** By name. The connections stay open if requested: the caller closes them. */
  readonly nodes: readonly FoundNode[];
  /** How many were reached that do not match. */
  readonly unmatched: number;
  readonly broken: readonly BrokenNode[];
  readonly silent: readonly SilentNode[];
  readonly rumours: Rumours;
  /** Terms of the filter that no node has, and similar ones. */
  readonly hints: readonly string[];
  /** Milliseconds. */
  readonly elapsed: number;
}

/** For a search without questions or results. */
export const noFindings: Findings = {
  nodes: [],
  unmatched: 0,
  broken: [],
  silent: [],
  hints: [],
  rumours: { count: 0, more: false, examples: [] },
  elapsed: 0,
};

/**
 * Finds the nodes that match: dials each candidate as soon as it is heard, proves its identity and lets it evaluate the
 * filter. Then looks for those that are known (to the cache, to the reached nodes, to the caller) and were not heard;
 * one that cannot be reached is named as silent, with when and by which node it was last seen. A node that no longer
 * matches is not silent.
 * @throws Problem as the source does, and the signal's reason when aborted; nothing stays open then
 */
export async function findNodes(options: FindOptions): Promise<Findings> {
  const begun = performance.now();
  const abandoned = new AbortController();
  const cached = new Map((options.cache?.nodes() ?? []).map((node) => [node.name, node]));
  const named = namedBy(options);
  const isRumour = ({ name, source }: Candidate) => source === 'mdns' && !cached.has(name) && !named.has(name);
  const signal = AbortSignal.any([options.signal, abandoned.signal]);
  const isUnknown = (name: string) => options.cache !== undefined && !cached.has(name);
  const isWanted = mayBeNamed(options.filter);
  /** Listed nodes whose names rule them out. */
  const others = new Set<string>();
  const queue = startDialQueue(dialOptions(options, { isRumour, isUnknown, signal }));
  try {
    const reading = AbortSignal.any([options.signal, queue.enough]);
    for await (const candidate of options.source.discover(options.filter, reading)) {
      if (!named.has(candidate.name) && !isWanted(candidate.name)) others.add(candidate.name);
      else queue.add(withAddresses(candidate, cached.get(candidate.name)));
    }
    const isCut = queue.enough.aborted;
    await queue.idle();
    await queue.settleRumours(performance.now() - begun);
    await queue.idle();
    const missing = missingNodes(options, queue.attempts(), isRumour);
    await searchAgain(options, queue, missing);
    options.signal.throwIfAborted();
    const sorted = takeDuplicates(sortAttempts(queue.attempts(), isRumour));
    // Merged only if something is missing: each node may remember all the others.
    const known = once(() => knownOf(options, sorted));
    const doubtful = doubtfulNodes(options.filter, sorted.unmatched, { seen: cached, known });
    await learnFrom(options, sorted);
    const all = { ...sorted, broken: [...sorted.broken, ...doubtful] };
    const count = sorted.rumours.length + queue.dropped();
    const rumours = { count, more: isCut, examples: sorted.rumours.slice(0, mostExamples) };
    const hints = [
      ...filterHints(options.filter, sorted, () => [...known().values()], others),
      ...addressHints(sorted.quiet, cached),
    ];
    return { ...conclude(options, all, missing), rumours, hints, elapsed: performance.now() - begun };
  } catch (error) {
    abandoned.abort();
    await queue.idle();
    for (const done of queue.attempts()) if (isReached(done)) done.result.connection.close();
    throw error;
  }
}

function dialOptions(
  options: FindOptions,
  { isRumour, isUnknown, signal }: Required<Pick<DialQueueOptions, 'isRumour' | 'isUnknown' | 'signal'>>,
): DialQueueOptions {
  const { ask, onTurn, onNode } = options;
  return {
    dial: options.dial,
    recall: options.recall,
    ...(ask === undefined ? {} : { ask }),
    isRumour,
    isUnknown,
    request: {
      filter: options.filter,
      facts: factsToAsk(options),
      full: options.full ?? false,
      peers: asksForPeers(options),
    },
    peersOf: (description) => peersOf(options, description),
    keep: options.keep ?? true,
    timeout: options.timeout ?? 5000,
    concurrency: options.concurrency ?? 32,
    onReached: ({ candidate: { name, addresses }, result }) => {
      if (result.description.matched) onNode?.({ name, addresses, ...result });
    },
    ...(onTurn === undefined ? {} : { onTurn }),
    signal,
  };
}

/**
 * Whether some nodes are asked for the nodes that they remember. Not where the caller lists its nodes, and not where it
 * calls those of its cache: who only calls does not search.
 */
function asksForPeers({ source, ask }: FindOptions): boolean {
  return !namesExactly(source) && (source.name !== 'cache' || ask === undefined);
}

/** Stores the reached nodes' descriptions in the cache. */
async function learnFrom(options: FindOptions, { nodes, unmatched }: Sorted): Promise<void> {
  if (options.cache === undefined) return;
  await learn(options.cache, [...nodes, ...unmatched], factsToAsk(options), options.now(), options.log);
}

/** How many rumours are named. */
const mostExamples = 100;

/** Names that the caller gave: these do not count as rumours. */
function namedBy({ filter, expect = [] }: FindOptions): ReadonlySet<string> {
  const inFilter = equalityTerms(filter).filter(({ kind }) => kind === 'identity');
  return new Set([...expect, ...inFilter.map(({ value }) => value.toLowerCase())]);
}

/** Also those of the filter: so the cache learns them, and knows which nodes would match. */
function factsToAsk({ filter, facts = [] }: FindOptions): string[] {
  return [...new Set([...facts, ...filterNeedsFacts(parseFilter(filter))])];
}

/** The memory of this client and of the nodes. */
function knownOf({ cache, now }: FindOptions, { nodes, unmatched }: Sorted): Map<string, KnownNode> {
  const descriptions = [...nodes, ...unmatched].map(({ description }) => description);
  return uniteKnown(cache, descriptions, now());
}

/** A name without an address is dialled at its last address, and as a host name. */
function withAddresses(candidate: Candidate, cached: CachedNode | undefined): Candidate {
  if (candidate.addresses.length > 0) return candidate;
  const known = cached?.addresses ?? [];
  const isListed = known.some(({ host, port }) => host === candidate.name && port === defaultPort);
  return { ...candidate, addresses: isListed ? known : [...known, { host: candidate.name, port: defaultPort }] };
}

function conclude(
  options: FindOptions,
  sorted: Sorted,
  missing: ReadonlyMap<string, KnownNode>,
): Omit<Findings, 'elapsed' | 'rumours' | 'hints'> {
  const cached = new Map((options.cache?.nodes() ?? []).map((node) => [node.name, node]));
  const possible = mayMatch(options.filter);
  const silent = new Map<string, SilentNode>();
  for (const { candidate } of sorted.quiet) {
    const { name, source } = candidate;
    const before = cached.get(name);
    // A list says that it exists, not its facts: the cache may know that it was never a member.
    const isExpected = options.expect?.includes(name) || before === undefined || possible(before);
    if (isExpected && source !== 'known')
      silent.set(name, { name, lastSeen: before?.lastSeen, by: before === undefined ? source : 'cache' });
  }
  const answered = new Set([...sorted.nodes, ...sorted.unmatched, ...sorted.broken].map(({ name }) => name));
  for (const { name, lastSeen, by } of missing.values()) {
    if (!answered.has(name)) silent.set(name, { name, lastSeen: by === 'expected' ? undefined : lastSeen, by });
  }
  return {
    nodes: [...sorted.nodes].sort(byName),
    unmatched: sorted.unmatched.length,
    broken: [...sorted.broken].sort(byName),
    silent: [...silent.values()].sort(byName),
  };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

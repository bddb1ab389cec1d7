/** What the engine needs of the world: discovery, calls, a journal, a clock. */
import type { JsonObject } from '../core/json.ts';
import type { NodeFacts } from '../core/node.ts';
import type { Outcome } from '../core/reply.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import type { RunEvent } from './events.ts';
import type { JournalEntry } from './journal.ts';

export interface DiscoverQuery {
  readonly filter: FilterTerms;
  readonly atLeast: number;
}

/** A node that is known to match but did not answer. */
export interface SilentNode {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastSeen?: number;
  /** Who saw it then: the cache, or a node. */
  readonly by: string;
}

/** A node that answered but could not be talked to properly. */
export interface BrokenNode {
  readonly name: string;
  /** In words. */
  readonly problem: string;
}

export interface Discovered {
  readonly nodes: readonly NodeFacts[];
  readonly silent: readonly SilentNode[];
  readonly broken: readonly BrokenNode[];
}

/** One try of one batch of a step. */
export interface NodeCall {
  readonly agent: string;
  readonly action: string;
  readonly input: JsonObject;
  readonly nodes: readonly string[];
  /** The same for all nodes, batches and tries of a step. */
  readonly requestId: string;
  readonly try: number;
  readonly dryRun: boolean;
  /** Milliseconds; the action's own timeout when left out. */
  readonly timeout?: number;
  readonly runId: string;
  readonly step: string;
}

/** Exclusion of other runs; see {@link PlaybookPorts.takeLease}. */
export interface LeaseWish {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly runId: string;
}

export interface PlaybookPorts {
  /**
   * Takes a lease on all the nodes, or on none; asked for once a run, before its first change. Left out: none is taken.
   * @throws Problem `lease-held`, `no-lease`
   */
  readonly takeLease?: (wish: LeaseWish) => Promise<void>;
  /** @throws Problem when the filter is malformed or no source can be asked */
  readonly discover: (query: DiscoverQuery) => Promise<Discovered>;
  /** Exactly one outcome per node, each told to `onOutcome` as it comes. The signal asks to give up at once. */
  readonly call: (
    call: NodeCall,
    onOutcome: (outcome: Outcome) => void,
    signal: AbortSignal,
  ) => Promise<readonly Outcome[]>;
  readonly emit: (event: RunEvent) => void;
  /** Resolved when the entry is safe; nothing further is begun before. */
  readonly journal: (entry: JournalEntry) => Promise<void>;
  /** Ends early when the signal is aborted, by resolving or rejecting. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** 32 hex digits. */
  readonly newId: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The name of whoever runs it. */
  readonly operator: string;
}

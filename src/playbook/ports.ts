/** The interfaces that the engine needs: discovery, calls, a journal, a clock. */
import type { JsonObject } from '../core/json.ts';
import type { NodeFacts } from '../core/node.ts';
import type { Outcome } from '../core/request/reply.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import type { RunEvent } from './events/events.ts';
import type { JournalEntry } from './journal/entries.ts';
import type { RunPlan } from './run/plan/run-plan.ts';

export interface DiscoverQuery {
  readonly filter: FilterTerms;
  readonly atLeast: number;
  /** The source of the nodes, if not the client's own. */
  readonly source?: { readonly method: string; readonly file?: string };
  /** Milliseconds to wait for the first answer, if not the client's configured time. */
  readonly timeout?: number;
  /** Whether to return all their facts, not only those that they publish. */
  readonly facts?: boolean;
}

/** A node that is known to match but did not answer. */
export interface SilentNode {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastSeen?: number;
  /** Who saw it then: the cache, or a node. */
  readonly by: string;
}

/** A node that answered but cannot be used. */
export interface BrokenNode {
  readonly name: string;
  /** The reason, as text. */
  readonly problem: string;
  /** It works, but may be missing from the set: its facts are incomplete, or it was there before. */
  readonly isDoubtful?: boolean;
}

export interface Discovered {
  readonly nodes: readonly NodeFacts[];
  readonly silent: readonly SilentNode[];
  readonly broken: readonly BrokenNode[];
  /** What nodes do have that is near to the filter, if none matches. */
  readonly hints?: readonly string[];
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

/** A lease that keeps other runs out; see {@link PlaybookPorts.takeLease}. */
export interface LeaseRequest {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly runId: string;
}

/** A notice that a node sends when a run's client is gone. */
export interface InterruptionNotice {
  readonly runId: string;
  /** Any of them can send it. */
  readonly nodes: readonly string[];
  /** The input of angelia's sendmsg, without the message. */
  readonly input: JsonObject;
  /** The text for the current state of the run. */
  readonly message: () => string;
}

/** Sources of inputs that are not given. */
export interface InputSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Defaults by name, from the client's configuration. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** A condition to wait for: either a port or a URL. */
export interface ProbeTarget {
  /** HOST:PORT */
  readonly tcp?: string;
  readonly url?: string;
  readonly status?: number | string;
  readonly body?: string;
}

export interface PlaybookPorts {
  /** What keeps the operator from any further command, as the end of “after …”. */
  readonly beforeNext?: () => string | undefined;
  /**
   * Takes a lease on all the nodes, or on none; called once a run, before its first change. If omitted, none is taken.
   * @throws Problem `lease-held`, `no-lease`
   */
  readonly takeLease?: (request: LeaseRequest) => Promise<void>;
  /** @throws Problem when the filter is malformed or no source can be asked */
  readonly discover: (query: DiscoverQuery) => Promise<Discovered>;
  /**
   * Returns exactly one outcome per node, and calls `onOutcome` with each as it arrives. It stops when the signal is
   * aborted.
   */
  readonly call: (
    call: NodeCall,
    onOutcome: (outcome: Outcome) => void,
    signal: AbortSignal,
  ) => Promise<readonly Outcome[]>;
  /**
   * Stores a notice on one of the nodes, which sends it if this run is cut off; if omitted, none is stored.
   * @returns when it is stored, or cannot be
   */
  readonly keepNotice?: (notice: InterruptionNotice) => Promise<void>;
  /** Shows a person the plan, and asks for agreement; omitted if nobody is to be asked. */
  readonly agree?: (plan: RunPlan) => Promise<boolean>;
  /**
   * Asks a person; omitted if nobody can be asked.
   * @returns whether the answer was yes; false when the signal is aborted
   */
  readonly confirm?: (question: string, signal: AbortSignal) => Promise<boolean>;
  /**
   * Checks once whether a port accepts connections or a URL answers as required; if omitted, no step can wait for one.
   * @param timeout milliseconds
   * @returns the reason if not; undefined if it does
   */
  readonly probe?: (target: ProbeTarget, timeout: number, signal: AbortSignal) => Promise<string | undefined>;
  /** Sources of inputs for playbooks that are used as steps; none if omitted. */
  readonly inputSources?: InputSources;
  readonly emit: (event: RunEvent) => void;
  /** Resolves when the entry is on the disk; nothing further is begun before. */
  readonly journal: (entry: JournalEntry) => Promise<void>;
  /** Ends early when the signal is aborted, by resolving or rejecting. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** 32 hex digits. */
  readonly newId: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets: for how long something took, or may take. */
  readonly clock: () => number;
  /** The name of the operator who runs it. */
  readonly operator: string;
}

import type { NodeFacts } from '../core/node.ts';
import type { StepReply } from './call/reply.ts';
import type { NodeFailure } from './events/events.ts';
import type { Taint } from './expressions/taint.ts';
import type { CelContext } from './expressions/expression.ts';
import type { JournalEntry } from './journal/entries.ts';
import type { Resumed } from './journal/history.ts';
import type { PlaybookPorts } from './ports.ts';

/** State that the steps of one run share. */
export interface RunContext {
  readonly runId: string;
  /** Its start, as its expressions see it, even when it resumes. */
  readonly time: string;
  /** The values of sensitive inputs, and values computed from them: none of it may be recorded or shown. */
  readonly taint: Taint;
  /** The prefix of the run's lines. */
  readonly label: string;
  readonly ports: PlaybookPorts;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly kill: AbortSignal;
  readonly allowMissing: boolean;
  /** What the run did before it resumed; undefined in a new one. */
  readonly resumed: Resumed | undefined;
  /** The prefix of its steps' names; empty for those of the run itself. */
  readonly scope: string;
  /** In steps for after a failure, or for every end: the scope whose changes they may undo. */
  readonly undoes: string | undefined;
  readonly kept: KeptChanges;
  /** Whether a node has returned a sensitive output: later output may repeat it. */
  readonly discretion: { outputs: boolean };
  readonly context: () => CelContext;
  readonly nodes: (set: string) => readonly string[] | undefined;
  readonly isKnownNode: (name: string) => boolean;
  /** The nodes of all sets, each once. */
  readonly members: () => readonly NodeFacts[];
  /** True once anything was changed; in a dry run, once anything would have been. */
  readonly changed: () => boolean;
  readonly markChanged: () => void;
  readonly setValues: (values: Readonly<Record<string, unknown>>) => void;
  readonly setStep: (id: string, seen: { ok: boolean; ran: boolean; replies: readonly StepReply[] }) => void;
  readonly setNodes: (sets: ReadonlyMap<string, readonly NodeFacts[]>) => void;
  /** @param notice the text of a notification about it */
  readonly setFailure: (step: string, reasons: readonly NodeFailure[], notice?: string) => void;
  /** Asks the person who must agree to the changes, once. @throws Problem `not-agreed` */
  readonly agree: () => Promise<void>;
  /** Takes the run’s lease, once. */
  readonly lock: () => Promise<void>;
  readonly journal: (entry: Unstamped<JournalEntry>) => Promise<void>;
}

type Unstamped<Entry> = Entry extends unknown ? Omit<Entry, 'at' | 'runId'> : never;

/** The changes of this run, for steps that rely on them. */
export interface KeptChanges {
  /** By step. */
  readonly changes: Map<string, KeptChange>;
  /** Hosts that the run keeps out of traffic, by {@link HostHold.host} and node. */
  readonly holds: Map<string, HostHold>;
  /** The request id of the last call. */
  last: string;
}

/** A host that the run took out of traffic, as one node (a load balancer) reported it. */
export interface HostHold {
  readonly host: string;
  /** The caller that took it out. */
  readonly node: string;
  /**
   * Since when it is out without a break, in milliseconds since the epoch by the node's clock; undefined: not reported.
   */
  readonly since: number | undefined;
  /** The step that took it out. */
  readonly step: string;
  /** False for holds from before the run was resumed: it may have slept for a day. */
  readonly fresh: boolean;
  /** The call that proves that it is still out; its inputs without the hosts. */
  readonly proof: {
    readonly agent: string;
    readonly action: string;
    readonly hosts: string;
    readonly input: Readonly<Record<string, unknown>>;
  };
}

/** A change that was made in this run, and a way to repeat it. */
export interface KeptChange {
  /** `haproxy#disable`, … */
  readonly title: string;
  readonly requestId: string;
  /** Whether it took hosts out of traffic: that they stay out is proven, and a break is not repaired silently. */
  readonly proven: boolean;
  /** Repeats it on the nodes that made it; `step` is the name of this call in the journal and in events. */
  readonly repeat: (step: string) => Promise<RepeatedChange>;
}

export interface RepeatedChange {
  readonly replies: readonly StepReply[];
  readonly failures: readonly NodeFailure[];
}

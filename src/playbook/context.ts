import type { NodeFacts } from '../core/node.ts';
import type { StepReply } from './call/reply.ts';
import type { NodeFailure } from './events/events.ts';
import type { Taint } from './expressions/taint.ts';
import type { CelContext } from './expressions/expression.ts';
import type { JournalEntry } from './journal/entries.ts';
import type { Resumed } from './journal/history.ts';
import type { PlaybookPorts } from './ports.ts';

/**
 * State that the steps of one run share. Most of it is fixed when the run starts. A run remembers as it goes:
 *
 * - the values that expressions read, set by steps: {@link RunContext.context};
 * - whether it has changed anything, and whether a person agreed to that;
 * - the changes that later steps rely on, and the hosts that it keeps out of traffic: {@link RunChanges};
 * - whether a node has returned a secret: {@link RunContext.sensitiveOutput};
 * - in a resumed run, whether it has changed anything again: {@link Resumed}.
 *
 * Only the journal outlives the run: a resumed run reads what it did before from there.
 */
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
  /** What the run has changed so far, for the steps that rely on it; nested playbooks share it. */
  readonly changes: RunChanges;
  /** Seen once a node has returned a sensitive output: from then on no reasons are recorded, which may repeat it. */
  readonly sensitiveOutput: { seen: boolean };
  readonly context: () => CelContext;
  readonly nodes: (set: string) => readonly string[] | undefined;
  readonly isKnownNode: (name: string) => boolean;
  /** The nodes of all sets, each once. */
  readonly allNodes: () => readonly NodeFacts[];
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
export interface RunChanges {
  /** By step: the last change that each made. */
  readonly repeatable: Map<string, RepeatableChange>;
  /** Hosts that the run keeps out of traffic, by {@link HostHold.host} and node. */
  readonly holds: Map<string, HostHold>;
  /** The last call, which needs no repetition right after it. */
  lastRequestId: string;
  /** Steps that failed by an action that may not be repeated: resumed, they fail again without a call. */
  readonly final: Set<string>;
}

/**
 * A host that the run took out of traffic, as one node (a load balancer) reported it. A hold begins when the node
 * replies to the call that takes the host out, and ends when a call puts it in. After a resume it is stale until the
 * call is made again.
 */
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
  /** True for holds from before the run was resumed: it may have slept for a day. */
  readonly stale: boolean;
  /** The call that proves that it is still out; its inputs without the hosts. */
  readonly proof: {
    readonly agent: string;
    readonly action: string;
    readonly hosts: string;
    readonly input: Readonly<Record<string, unknown>>;
  };
}

/** A change that was made in this run, and a way to repeat it. */
export interface RepeatableChange {
  /** `haproxy#disable`, … */
  readonly title: string;
  readonly requestId: string;
  /** Whether it took hosts out of traffic or put them in: their holds are proven, and a break is not repaired silently. */
  readonly changesTraffic: boolean;
  /** Repeats it on the nodes that made it; `step` is the name of this call in the journal and in events. */
  readonly repeat: (step: string) => Promise<RepeatedChange>;
}

export interface RepeatedChange {
  readonly replies: readonly StepReply[];
  readonly failures: readonly NodeFailure[];
}

/** What a run has done so far, by its journal, so that it can resume without doing anything twice. */
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { JournalEntry } from './entries.ts';

/** One try of a call on one node. */
export interface EarlierTry {
  readonly number: number;
  /** Milliseconds since the epoch: when it was first requested. */
  readonly at: number;
  /** Undefined when the run ended before the outcome was known. */
  readonly outcome: Outcome | undefined;
  /** True when a step for after a failure has changed the node since then, by the same agent. */
  readonly undone: boolean;
}

/** A call of a step: all its batches and tries. */
export interface EarlierCall {
  readonly requestId: string;
  /** In the order they were made. */
  readonly tries: ReadonlyMap<string, readonly EarlierTry[]>;
}

export interface RunHistory {
  readonly entries: readonly JournalEntry[];
  /** The start of the run, as its expressions saw it; undefined if it never started. */
  readonly time: string | undefined;
  /**
   * The names in each node set, by the prefix of their playbook; undefined when the run ended before they were found.
   */
  readonly setsOf: (prefix: string) => Readonly<Record<string, readonly string[]>> | undefined;
  /** Whether the step ended well. */
  readonly isDone: (step: string) => boolean;
  /** Whether any step with that prefix was begun. */
  readonly hasBegun: (prefix: string) => boolean;
  /**
   * Whether what the step read must be read again: the run failed by what it had read since its last change, so that the
   * same replies would make it fail again.
   */
  readonly isOutdated: (step: string) => boolean;
  /** The last call of a step with exactly this action and this input, without those after a failure. */
  readonly callOf: (step: string, call: CallKey) => EarlierCall | undefined;
}

/** The history that the steps of a resumed run share. */
export interface Resumed {
  readonly history: RunHistory;
  /** True once something was changed again: earlier reads and waits no longer count. */
  readonly hasChanged: () => boolean;
  readonly noteChange: () => void;
}

export function resumeFrom(history: RunHistory): Resumed {
  let changed = false;
  return {
    history,
    hasChanged: () => changed,
    noteChange: () => {
      changed = true;
    },
  };
}

export interface CallKey {
  readonly agent: string;
  readonly action: string;
  readonly dryRun: boolean;
  /** Without sensitive values. */
  readonly input: JsonObject;
}

/** With its position in the journal: clocks can be set back. */
type Called = Extract<JournalEntry, { type: 'call' }> & { readonly index: number };
type Ended = Extract<JournalEntry, { type: 'outcome' }>;

/** Reads the entries of one run’s journal, in their order. */
export function readHistory(entries: readonly JournalEntry[]): RunHistory {
  const sets = new Map<string, Readonly<Record<string, readonly string[]>>>();
  const begun = new Set<string>();
  const done = new Map<string, boolean>();
  const calls = new Map<string, Called[]>();
  const outcomes = new Map<string, Ended>();
  for (const [index, entry] of entries.entries()) {
    // The first: a later attempt to resume may have found fewer.
    if (entry.type === 'nodes-found' && !sets.has(entry.prefix ?? '')) sets.set(entry.prefix ?? '', entry.sets);
    if (entry.type === 'step-started') begun.add(entry.step);
    if (entry.type === 'step-finished') done.set(entry.step, entry.state === 'done');
    if (entry.type === 'outcome') outcomes.set(keyOf(entry.requestId, entry.try, entry.node), entry);
    if (!isOwnCall(entry)) continue;
    const key = `${entry.step}\0${identify(entry)}`;
    calls.set(key, [...(calls.get(key) ?? []), { ...entry, index }]);
  }
  const undone = readUndone(entries);
  const lastChange = entries.findLastIndex((entry) => isOwnCall(entry) && entry.changes && !entry.dryRun);
  const failedItself = hasFailedItself(entries);
  return {
    entries,
    time: entries.find((entry) => entry.type === 'run-started')?.time,
    setsOf: (prefix) => sets.get(prefix),
    isDone: (step) => done.get(step) === true,
    hasBegun: (prefix) => [...begun].some((step) => step.startsWith(prefix)),
    isOutdated: (step) =>
      failedItself && entries.findLastIndex((entry) => isOwnCall(entry) && entry.step === step) > lastChange,
    callOf: (step, call) => {
      const made = calls.get(`${step}\0${identify(call)}`) ?? [];
      const requestId = made.at(-1)?.requestId;
      if (requestId === undefined) return undefined;
      const ofIt = made.filter((one) => one.requestId === requestId);
      return { requestId, tries: triesOf(ofIt, outcomes, undone) };
    },
  };
}

/** A call of a step that is not for after a failure. */
function isOwnCall(entry: JournalEntry): entry is Extract<JournalEntry, { type: 'call' }> {
  return entry.type === 'call' && entry.step !== '' && entry.undoes === undefined;
}

/** Whether a step failed without a node that failed: what it required or computed was not so. */
function hasFailedItself(entries: readonly JournalEntry[]): boolean {
  const last = new Map<string, boolean>();
  for (const entry of entries) {
    if (entry.type !== 'step-finished') continue;
    const { step, state, failed = [] } = entry;
    last.set(step, state === 'failed' && failed.length > 0 && failed.every(({ node }) => node === ''));
  }
  return [...last.values()].some(Boolean);
}

function triesOf(
  calls: readonly Called[],
  outcomes: ReadonlyMap<string, Ended>,
  undone: readonly Undone[],
): Map<string, EarlierTry[]> {
  const tries = new Map<string, EarlierTry[]>();
  for (const { index, step, agent, requestId, try: number, at, nodes } of calls) {
    for (const node of nodes) {
      const ended = outcomes.get(keyOf(requestId, number, node));
      const earlier = tries.get(node) ?? [];
      const made = {
        number,
        // The node remembers the first request of a try for a limited time, and no longer if it is asked again.
        at: earlier.find((one) => one.number === number)?.at ?? at,
        outcome: ended === undefined ? undefined : outcomeOf(ended),
        undone: undone.some(
          (one) => one.node === node && one.agent === agent && one.index > index && step.startsWith(one.scope),
        ),
      };
      // The same try may have been requested again: it counts once.
      tries.set(node, [...earlier.filter((one) => one.number !== number), made]);
    }
  }
  return tries;
}

/**
 * A node that an agent changed in a step for after a failure: its earlier changes of the node in that scope may be
 * undone.
 */
interface Undone {
  readonly node: string;
  readonly agent: string;
  readonly index: number;
  readonly scope: string;
}

function readUndone(entries: readonly JournalEntry[]): Undone[] {
  return entries.flatMap((entry, index) => {
    if (entry.type !== 'call' || entry.undoes === undefined || !entry.changes) return [];
    const { agent, undoes: scope } = entry;
    return entry.nodes.map((node) => ({ node, agent, index, scope }));
  });
}

function outcomeOf({ node, outcome, status, code, message, data }: Ended): Outcome {
  return { node, outcome: outcome as Outcome['outcome'], status, code, message, hint: '', data, elapsed: 0 };
}

function keyOf(requestId: string, attempt: number, node: string): string {
  return `${requestId}\0${attempt}\0${node}`;
}

function identify({ agent, action, dryRun, input }: CallKey): string {
  const sorted = Object.entries(input).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([agent, action, dryRun, sorted]);
}

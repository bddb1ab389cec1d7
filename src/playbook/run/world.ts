import { explain, Problem } from '../../core/errors.ts';
import type { NodeFacts } from '../../core/node.ts';
import { toCel } from '../expressions/cel-values.ts';
import type { NodeFailure } from '../events/events.ts';
import type { CelContext } from '../expressions/expression.ts';
import type { JournalEntry } from '../journal/entries.ts';
import { nameLease, toLeaseName } from './lease-name.ts';
import type { Resumed } from '../journal/history.ts';
import type { Playbook } from '../model.ts';
import type { PlaybookPorts } from '../ports.ts';
import { hideSecrets } from '../call/reasons.ts';
import type { KeptChanges } from '../call/reassert.ts';
import type { StepReply } from '../call/reply.ts';
import { toText } from '../expressions/template.ts';

export interface RunOptions {
  /** 32 hex digits; a new one when left out. */
  readonly runId?: string;
  /** Ask what would be changed, and change nothing. */
  readonly dryRun?: boolean;
  /** Aborted: the batch in hand is finished, nothing further is begun. */
  readonly signal?: AbortSignal;
  /** Aborted: calls in hand are given up, too. */
  readonly kill?: AbortSignal;
  /** Begin although a node that is known to belong to a set is silent or broken. */
  readonly allowMissing?: boolean;
  /** When it began, as its expressions are to see it; now when left out. */
  readonly time?: string;
  /** Where the playbook is found again; for the journal. */
  readonly origin?: string;
  /** What the run did before, where it goes on. */
  readonly resumed?: Resumed | undefined;
}

/** What the steps of one run share. */
export interface World {
  readonly runId: string;
  /** When it began, as its expressions see it: also where it goes on. */
  readonly time: string;
  /** The texts that sensitive inputs hold, and each one's name: none may reach what is written down. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What the lines of the run begin with. */
  readonly label: string;
  readonly ports: PlaybookPorts;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly kill: AbortSignal;
  readonly allowMissing: boolean;
  /** What the run did before it went on; undefined in one that begins. */
  readonly resumed: Resumed | undefined;
  /** What the names of its steps begin with; empty for those of the run itself. */
  readonly scope: string;
  /** In what is for after a failure, or for every end: the scope whose changes it may undo. */
  readonly undoes: string | undefined;
  readonly kept: KeptChanges;
  /** Whether a node has given a sensitive output: what is said from then on may repeat it. */
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
  readonly setFailure: (step: string, reasons: readonly NodeFailure[]) => void;
  /** Takes the run’s lease, once. */
  readonly lock: () => Promise<void>;
  readonly journal: (entry: Unstamped<JournalEntry>) => Promise<void>;
}

type Unstamped<Entry> = Entry extends unknown ? Omit<Entry, 'at' | 'runId'> : never;

const never = new AbortController().signal;

export function defineWorld(
  playbook: Pick<Playbook, 'name' | 'nodes' | 'label' | 'inputs' | 'lock'>,
  inputs: Readonly<Record<string, unknown>>,
  stepIds: readonly string[],
  ports: PlaybookPorts,
  options: RunOptions,
): World {
  const runId = options.runId ?? ports.newId();
  const dryRun = options.dryRun ?? false;
  const sets = new Map<string, readonly string[]>();
  const known = new Map<string, NodeFacts>();
  const notRun = toCel({ ok: false, ran: false, replies: [] });
  const steps = new Map<string, unknown>(stepIds.map((id) => [id, notRun]));
  const values = new Map<string, unknown>();
  const nodes = new Map<string, unknown>();
  const time = options.time ?? options.resumed?.past.time ?? new Date(ports.now()).toISOString();
  const context: Record<string, unknown> = {
    inputs: toCel(inputs),
    nodes,
    steps,
    values,
    run: toCel({ id: runId, operator: ports.operator, time, dry_run: dryRun }),
    failure: toCel({ step: '', reasons: [] }),
  };
  const sensitive = Object.entries(inputs).filter(([name]) => playbook.inputs[name]?.sensitive === true);
  const secrets = new Map(sensitive.flatMap(([name, value]) => textsIn(value).map((text) => [text, name] as const)));
  let changed = false;
  let locked: Promise<void> | undefined;
  const lock = async () => {
    // A set that may be incomplete can’t be held as a whole.
    const whole = playbook.nodes.filter(({ allowMissing }) => !allowMissing);
    const held = [...new Set(whole.flatMap(({ name }) => sets.get(name) ?? []))];
    const named = playbook.lock?.(context);
    const name = named === undefined ? nameLease(playbook.name, inputs) : toLeaseName(toText(named));
    if (held.length > 0) await ports.takeLease?.({ name, nodes: held, runId });
  };
  return {
    runId,
    time,
    secrets,
    label: hideSecrets(toText(playbook.label(context)), secrets),
    ports,
    dryRun,
    signal: options.signal ?? never,
    kill: options.kill ?? never,
    allowMissing: options.allowMissing ?? false,
    resumed: options.resumed,
    scope: '',
    undoes: undefined,
    kept: { changes: new Map(), last: '' },
    discretion: { outputs: false },
    context: () => context,
    nodes: (set) => sets.get(set),
    isKnownNode: (name) => known.has(name),
    members: () => [...known.values()],
    changed: () => changed,
    markChanged: () => {
      changed = true;
    },
    setValues: (given) => {
      for (const [name, value] of Object.entries(given)) values.set(name, toCel(value));
    },
    setStep: (id, seen) => {
      steps.set(id, toCel(seen));
    },
    setNodes: (found) => {
      for (const [set, members] of found) {
        const list = members.map(({ name }) => name);
        sets.set(set, list);
        for (const member of members) known.set(member.name, member);
        nodes.set(set, toCel({ names: list, size: list.length, members: members.map(checkMember) }));
      }
    },
    setFailure: (step, reasons) => {
      context.failure = toCel({ step, reasons });
    },
    lock: () => {
      locked ??= lock();
      return locked;
    },
    journal: (entry) => ports.journal({ at: ports.now(), runId, ...entry } as JournalEntry),
  };
}

/** @throws Problem `bad-facts`, naming the node: its facts are its own word */
function checkMember(member: NodeFacts): NodeFacts {
  try {
    toCel(member);
    return member;
  } catch (cause) {
    throw new Problem('bad-facts', `what ${member.name} tells of itself can’t be used: ${explain(cause)}`, '', {
      cause,
    });
  }
}

/** The texts and numbers in a value, as an expression could put them together with others; empty ones hide nothing. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [String(value)] : [];
}

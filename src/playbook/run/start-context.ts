import type { RunContext } from '../context.ts';
import { explain, Problem } from '../../core/errors.ts';
import type { NodeFacts } from '../../core/node.ts';
import { startTaint, type Taint, withTaint } from '../expressions/taint.ts';
import { toCel } from '../expressions/cel-values.ts';
import type { JournalEntry } from '../journal/entries.ts';
import { nameLease, toLeaseName } from './lease-name.ts';
import type { Resumed } from '../journal/history.ts';
import type { Playbook } from '../model.ts';
import type { PlaybookPorts } from '../ports.ts';
import { hideSecrets } from '../call/reasons.ts';
import { toText } from '../expressions/template.ts';

export interface RunOptions {
  /** 32 hex digits; a new one if omitted. */
  readonly runId?: string;
  /** Report what would change, and change nothing. */
  readonly dryRun?: boolean;
  /** Aborted: the current batch is finished, nothing further begins. */
  readonly signal?: AbortSignal;
  /** Aborted: running calls are cancelled, too. */
  readonly kill?: AbortSignal;
  /** Begin although a known member of a set is silent or broken. */
  readonly allowMissing?: boolean;
  /** Its start, as its expressions see it; now if omitted. */
  readonly time?: string;
  /** The reference to the playbook, for the journal. */
  readonly origin?: string;
  /** The operator who started the run, if another one resumes it: its expressions see the same value. */
  readonly startedBy?: string;
  /** The earlier part of the run, if it is resumed. */
  readonly resumed?: Resumed | undefined;
  /** The typed command, for a person who has to repeat it. */
  readonly command?: string | undefined;
  /** The known secrets of the run that uses this playbook as a step. */
  readonly taint?: Taint;
  /** Notify when the run starts, too. */
  readonly notifyStart?: boolean;
}

const never = new AbortController().signal;

export function startRunContext(
  playbook: Pick<Playbook, 'name' | 'nodes' | 'label' | 'inputs' | 'lock'>,
  inputs: Readonly<Record<string, unknown>>,
  stepIds: readonly string[],
  ports: PlaybookPorts,
  options: RunOptions,
): RunContext {
  const runId = options.runId ?? ports.newId();
  const dryRun = options.dryRun ?? false;
  const time = options.time ?? options.resumed?.history.time ?? new Date(ports.now()).toISOString();
  const known = startNodes();
  const run = {
    id: runId,
    operator: options.startedBy ?? ports.operator,
    time,
    dry_run: dryRun,
    playbook: playbook.name,
  };
  const { sensitive, open } = divideInputs(playbook, inputs);
  const taint = startTaint(sensitive, options.taint);
  const early = withTaint({ inputs: toCel(inputs), run: toCel({ ...run, label: '' }) }, taint);
  const label = hideSecrets(toText(playbook.label(early)), taint);
  const seen = startSeen(stepIds, { ...early, nodes: known.seen, run: toCel({ ...run, label }) }, taint);
  let locked: Promise<void> | undefined;
  return {
    runId,
    time,
    taint,
    label,
    ports,
    dryRun,
    signal: options.signal ?? never,
    kill: options.kill ?? never,
    allowMissing: options.allowMissing ?? false,
    resumed: options.resumed,
    scope: '',
    undoes: undefined,
    changes: { repeatable: new Map(), holds: new Map(), lastRequestId: '', final: new Set() },
    sensitiveOutput: { seen: false },
    ...seen,
    ...startChanged(),
    nodes: known.names,
    isKnownNode: known.has,
    allNodes: known.allNodes,
    setNodes: known.set,
    agree: async () => {},
    lock: () => {
      locked ??= takeLease(playbook, open, { ports, runId, nodes: known.names, context: seen.context, taint });
      return locked;
    },
    journal: (entry) => ports.journal({ at: ports.now(), runId, ...entry } as JournalEntry),
  };
}

/** Separates the inputs that must stay secret from the others. */
function divideInputs(playbook: Pick<Playbook, 'inputs'>, inputs: Readonly<Record<string, unknown>>) {
  const isSensitive = (name: string) => playbook.inputs[name]?.sensitive === true;
  const all = Object.entries(inputs);
  return {
    sensitive: Object.fromEntries(all.filter(([name]) => isSensitive(name))),
    open: Object.fromEntries(all.filter(([name]) => !isSensitive(name))),
  };
}

/** The nodes of each set, as they were found. */
function startNodes() {
  const sets = new Map<string, readonly string[]>();
  const known = new Map<string, NodeFacts>();
  const seen = new Map<string, unknown>();
  return {
    seen,
    names: (set: string) => sets.get(set),
    has: (name: string) => known.has(name),
    allNodes: () => [...known.values()],
    set: (found: ReadonlyMap<string, readonly NodeFacts[]>) => {
      for (const [set, members] of found) {
        const list = members.map(({ name }) => name);
        sets.set(set, list);
        for (const member of members) known.set(member.name, member);
        seen.set(set, toCel({ names: list, size: list.length, members: members.map(checkMember) }));
      }
    },
  };
}

/** The variables of expressions: `inputs`, `nodes`, `run`, and those that steps add. */
function startSeen(
  stepIds: readonly string[],
  initial: Readonly<Record<string, unknown>>,
  taint: Taint,
): Pick<RunContext, 'context' | 'setValues' | 'setStep' | 'setFailure'> {
  const notRun = toCel({ ok: false, ran: false, replies: [] });
  const steps = new Map<string, unknown>(stepIds.map((id) => [id, notRun]));
  const values = new Map<string, unknown>();
  const context: Record<string, unknown> = withTaint(
    {
      ...initial,
      steps,
      values,
      failure: toCel({ step: '', reasons: [], notice: '' }),
    },
    taint,
  );
  return {
    context: () => context,
    setValues: (added) => {
      for (const [name, value] of Object.entries(added)) values.set(name, toCel(value));
    },
    setStep: (id, seen) => {
      steps.set(id, toCel(seen));
    },
    setFailure: (step, reasons, notice = '') => {
      context.failure = toCel({ step, reasons, notice });
    },
  };
}

function startChanged(): Pick<RunContext, 'changed' | 'markChanged'> {
  let changed = false;
  return {
    changed: () => changed,
    markChanged: () => {
      changed = true;
    },
  };
}

/** Takes the run’s lease on the nodes of all sets that are known to be complete. @throws Problem `lease-held`, `no-lease` */
async function takeLease(
  { name, nodes: sets, lock }: Pick<Playbook, 'name' | 'nodes' | 'lock'>,
  inputs: Readonly<Record<string, unknown>>,
  { ports, runId, nodes, context, taint }: Pick<RunContext, 'ports' | 'runId' | 'nodes' | 'context' | 'taint'>,
): Promise<void> {
  const whole = sets.filter(({ allowMissing }) => !allowMissing);
  const names = [...new Set(whole.flatMap((set) => nodes(set.name) ?? []))];
  const { value: named, source } = taint.during(() => lock?.(context()));
  if (source !== undefined) {
    const message = `the sensitive input “${source}” may not be part of the name of the run’s lease`;
    throw new Problem('bad-input', message, 'the nodes report it to others');
  }
  const lease = named === undefined ? nameLease(name, inputs) : toLeaseName(toText(named));
  if (names.length > 0) await ports.takeLease?.({ name: lease, nodes: names, runId });
}

/** @throws Problem `bad-facts`, naming the node: its facts are only its own claim */
function checkMember(member: NodeFacts): NodeFacts {
  try {
    toCel(member);
    return member;
  } catch (cause) {
    throw new Problem('bad-facts', `the facts of ${member.name} cannot be used: ${explain(cause)}`, '', {
      cause,
    });
  }
}

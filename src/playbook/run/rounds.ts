/**
 * Runs the same steps repeatedly: for each batch of some nodes, or for each item of a list. A failure stops the rest.
 */
import { withTaint } from '../expressions/taint.ts';
import { toCel } from '../expressions/cel-values.ts';
import type { Step, StepOutcome } from '../model.ts';
import { failureWithin, renameSteps, runSections } from './sections.ts';
import { sleep } from '../call/sleep.ts';
import type { RunContext } from '../context.ts';

/** The steps of a group, compiled. */
export interface GroupSteps {
  readonly steps: readonly Step[];
  /** Run for the round in which a step failed, with its variables. */
  readonly onFailure: readonly Step[];
}

/** One time through the steps. */
export interface Round {
  /** Additional variables of the steps: `batch`, `item`. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly nodes: readonly string[];
  /** The sensitive input that `item` was computed from. */
  readonly source?: string | undefined;
}

/** @param pause milliseconds between rounds */
export async function runGroup(
  group: GroupSteps,
  rounds: readonly Round[],
  pause: number,
  run: RunContext,
  step: Step,
): Promise<StepOutcome> {
  for (const [index, round] of rounds.entries()) {
    const left = rounds.slice(index).flatMap(({ nodes }) => nodes);
    const prefix = `${step.id}[${index + 1}].`;
    const begun = run.resumed?.history.hasBegun(prefix) === true;
    if (index > 0 && pause > 0 && !run.dryRun && !begun) await sleep(run, pause);
    if (run.signal.aborted) return { state: 'interrupted', ran: index > 0, untouched: left };
    const ended = await runRound(group, round, prefix, run);
    const untouched = rounds.slice(index + 1).flatMap(({ nodes }) => nodes);
    if (ended.state !== 'done') return { ...ended, ran: true, untouched };
  }
  return { state: 'done', ran: rounds.length > 0 };
}

async function runRound(
  { steps, onFailure }: GroupSteps,
  { variables, nodes, source }: Round,
  prefix: string,
  run: RunContext,
): Promise<Pick<StepOutcome, 'state' | 'failed' | 'lines'>> {
  const inner = nestContext(run, prefix, variables, source, [...steps, ...onFailure]);
  const parts = { steps: renameSteps(steps, prefix), onFailure: renameSteps(onFailure, prefix) };
  const { state, failure } = await runSections(parts, inner);
  if (failure === undefined) return { state };
  return { state, failed: failureWithin(failure), lines: nodeLines(nodes) };
}

function nodeLines(nodes: readonly string[]): string[] {
  return nodes.length === 0 ? [] : [`stopped at ${nodes.join(', ')}`];
}

function nestContext(
  run: RunContext,
  prefix: string,
  variables: Readonly<Record<string, unknown>>,
  source: string | undefined,
  steps: readonly Step[],
): RunContext {
  const notRun = toCel({ ok: false, ran: false, replies: [] });
  const own = new Map<string, unknown>(steps.map(({ id }) => [id, notRun]));
  const more: Record<string, unknown> = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, toCel(value)]),
  );
  const taint = source === undefined ? run.taint : run.taint.fork({ item: source });
  return {
    ...run,
    taint,
    scope: prefix,
    context: () => {
      const outer = run.context();
      const context = { ...outer, ...more, steps: new Map([...(outer.steps as Map<string, unknown>), ...own]) };
      return source === undefined ? context : withTaint(context, taint);
    },
    setStep: (id, seen) => {
      own.set(id.slice(prefix.length), toCel(seen));
    },
    setFailure: (step, reasons, notice = '') => {
      more.failure = toCel({ step, reasons, notice });
    },
  };
}

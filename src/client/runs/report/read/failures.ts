/**
 * The failures of a run, including those that passed at a later try: grouped, so that one cause on forty nodes is read
 * once.
 */
import type { Attempt } from './attempts.ts';
import { type Bar, isGood } from './bars.ts';
import { byName, type StepSpan } from './timeline.ts';

export interface FailureGroup {
  readonly attempt: number;
  readonly step: StepSpan;
  /** True if a later try succeeded, or the step passed regardless. */
  readonly recovered: boolean;
  readonly code: string;
  /** Of the first of its nodes. */
  readonly reason: string;
  /** Empty if the step failed by itself. */
  readonly nodes: readonly string[];
  /** The failed tries, with the successful one that followed; in a step that failed by itself, the replies of nodes. */
  readonly tries: readonly Bar[];
}

interface Failure {
  readonly node: string;
  readonly code: string;
  readonly reason: string;
  readonly recovered: boolean;
  readonly tries: readonly Bar[];
}

/** The last attempt first; within it, remaining failures before those that passed. */
export function groupFailures(attempts: readonly Attempt[]): FailureGroup[] {
  return attempts.toReversed().flatMap(({ number, steps }) => {
    const groups = steps.filter(({ kind }) => !around.has(kind)).flatMap((step) => groupStep(number, step));
    return groups.toSorted((a, b) => Number(a.recovered) - Number(b.recovered));
  });
}

/** Failures within them are reported with the inner steps. */
const around = new Set(['rolling', 'for_each', 'use']);

function groupStep(attempt: number, step: StepSpan): FailureGroup[] {
  const groups = Map.groupBy(
    failuresOf(step),
    ({ recovered, code, reason }) => `${recovered} ${code} ${recovered ? '' : reason}`,
  );
  return [...groups.values()].map((some) => ({
    attempt,
    step,
    recovered: some[0]?.recovered ?? false,
    code: some[0]?.code ?? '',
    reason: some[0]?.reason ?? '',
    nodes: some
      .map(({ node }) => node)
      .filter((node) => node !== '')
      .sort(byName),
    tries: some.flatMap(({ tries }) => tries).sort((a, b) => byName(a.node, b.node) || a.begin - b.begin),
  }));
}

function failuresOf({ state, failed, bars }: StepSpan): Failure[] {
  const isOver = state === 'failed' || state === 'interrupted';
  const byNode = Map.groupBy(bars, ({ node }) => node);
  const reasons = new Map(failed.map((one) => [one.node, one]));
  const ofNodes = [...byNode].flatMap(([node, tries]): Failure[] => {
    const known = reasons.get(node);
    const last = tries.at(-1);
    const bad = tries.findLast((bar) => !isGood(bar));
    if (known === undefined && bad === undefined) return [];
    const recovered = known === undefined ? last !== undefined && isGood(last) : !isOver;
    const { code, reason } = known ?? { code: bad?.rejection?.code ?? bad?.code ?? '', reason: reasonOf(bad) };
    return [{ node, code: code || (bad?.outcome ?? ''), reason, recovered, tries }];
  });
  const others = failed.filter(({ node }) => !byNode.has(node));
  return [
    ...ofNodes,
    ...others.map(({ node, code, reason }) => ({
      node,
      code,
      reason,
      recovered: !isOver,
      tries: node === '' ? bars : [],
    })),
  ];
}

function reasonOf(bar: Bar | undefined): string {
  if (bar === undefined) return '';
  if (bar.rejection !== undefined) return bar.rejection.reason;
  if (bar.outcome === 'unknown') return 'no reply was recorded before the run ended';
  return bar.message === '' ? 'no reason was given' : bar.message;
}

import { mapLimited } from '../../core/waiting/concurrency.ts';
import { explain, Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { printable } from '../../core/text.ts';
import { type CliContext, exitCode } from '../cli/context.ts';
import { startLive } from '../render/live/live.ts';
import type { SshTarget } from './target.ts';

/** A host, with the name of its node. */
interface Named {
  readonly node: string;
}

/** The result for one host. */
export type Ending<Result, Target extends Named = SshTarget> = { readonly target: Target } & (
  | { readonly result: Result }
  | { readonly problem: Problem }
);

/** What a command does to each of its hosts. */
export interface HostWork<Result, Target extends Named> {
  /** In words. */
  readonly title: string;
  /** How many hosts at a time. */
  readonly parallel: number;
  /** @throws Problem on failure */
  readonly work: (target: Target, onPhase: (phase: string) => void) => Promise<Result>;
  readonly onEnd?: (ending: Ending<Result, Target>) => void;
}

/**
 * Works on hosts, and shows their progress. A failure stops none of the others.
 * @returns one result a host, in their order
 */
export async function onHosts<Result, Target extends Named>(
  targets: readonly Target[],
  { title, parallel, work, onEnd = () => {} }: HostWork<Result, Target>,
  context: CliContext,
): Promise<Ending<Result, Target>[]> {
  const shown = startLive(context).begin(title, targets.length);
  return mapLimited(targets, parallel, async (target) => {
    const onPhase = (phase: string) => shown.show(target.node, phase);
    onPhase('');
    const ending = context.signal.aborted ? { target, problem: notBegun } : await endOf(target, work(target, onPhase));
    shown.done(target.node);
    onEnd(ending);
    return ending;
  }).finally(shown.end);
}

const notBegun = new Problem('cancelled', 'interrupted before it started');

async function endOf<Result, Target extends Named>(
  target: Target,
  work: Promise<Result>,
): Promise<Ending<Result, Target>> {
  try {
    return { target, result: await work };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { target, problem: error };
  }
}

export function printProblem(target: Named, problem: Problem, { err }: CliContext): void {
  err(printable(`${target.node}: ${explain(problem)}`));
}

export function exitForHosts(endings: readonly Ending<unknown, Named>[], { signal }: CliContext): number {
  if (signal.aborted) return exitCode.interrupted;
  return endings.some((ending) => 'problem' in ending || isIncomplete(ending.result))
    ? exitCode.someFailed
    : exitCode.ok;
}

/** Whether something was kept because others had changed it. */
function isIncomplete(result: unknown): boolean {
  return isObject(result) && result.state === 'incomplete';
}

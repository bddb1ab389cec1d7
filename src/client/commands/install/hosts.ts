import { explain, Problem } from '../../../core/errors.ts';
import { printable } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../context.ts';
import type { Target } from './target.ts';

/** What came of one host. */
export type Ending<Result> = { readonly target: Target } & (
  | { readonly result: Result }
  | { readonly problem: Problem }
);

/**
 * Works on hosts, so many at a time, with a line below that tells how far each is. One that fails stops none of the others.
 * @param work throws a Problem where it cannot
 * @returns one ending a host, in their order
 */
export async function onHosts<Result>(
  targets: readonly Target[],
  parallel: number,
  work: (target: Target, onPhase: (phase: string) => void) => Promise<Result>,
  onEnd: (ending: Ending<Result>) => void,
  { status, signal }: CliContext,
): Promise<Ending<Result>[]> {
  const phases = new Map<string, string>();
  let ended = 0;
  const draw = () => {
    const going = [...phases].map(([node, phase]) => `${node}: ${phase}`).join(', ');
    status(`${ended}/${targets.length} ${going}`.slice(0, 100));
  };
  const endings: Ending<Result>[] = new Array(targets.length);
  const rest = targets.entries();
  const worker = async () => {
    for (const [index, target] of rest) {
      const onPhase = (phase: string) => {
        phases.set(target.node, phase);
        draw();
      };
      const ending = signal.aborted ? { target, problem: notBegun } : await endOf(target, work(target, onPhase));
      phases.delete(target.node);
      ended++;
      endings[index] = ending;
      status('');
      onEnd(ending);
      draw();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, targets.length) }, worker));
  status('');
  return endings;
}

const notBegun = new Problem('cancelled', 'nothing was begun: interrupted');

async function endOf<Result>(target: Target, work: Promise<Result>): Promise<Ending<Result>> {
  try {
    return { target, result: await work };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { target, problem: error };
  }
}

export function tellProblem(target: Target, problem: Problem, { err }: CliContext): void {
  err(printable(`${target.node}: ${explain(problem)}`));
}

export function exitForHosts(endings: readonly Ending<unknown>[], { signal }: CliContext): number {
  if (signal.aborted) return exitCode.interrupted;
  return endings.some((ending) => 'problem' in ending) ? exitCode.someFailed : exitCode.ok;
}

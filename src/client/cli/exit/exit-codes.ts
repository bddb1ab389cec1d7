import type { Outcome } from '../../../core/request/reply.ts';
import { exitCode } from '../context.ts';

/** The results of a command that decide its exit code. */
export interface CommandResults {
  readonly outcomes: readonly Pick<Outcome, 'outcome'>[];
  /** Nodes that were heard of but could not be proven or asked. */
  readonly broken: number;
  /** Expected nodes that did not answer. */
  readonly silent: number;
}

/** The exit code, by the first rule that applies. */
export function exitFor({ outcomes, broken, silent }: CommandResults): number {
  const having = (...kinds: string[]) => outcomes.filter(({ outcome }) => kinds.includes(outcome)).length;
  if (outcomes.length + broken + silent === 0) return exitCode.nothingDiscovered;
  if (having('refused') === outcomes.length && broken + silent === 0) return exitCode.allRefused;
  if (having('ok', 'failed', 'refused') === 0)
    return having('cancelled') > 0 ? exitCode.interrupted : exitCode.nobodyReplied;
  if (having('failed', 'refused') + broken > 0) return exitCode.someFailed;
  if (having('cancelled') > 0) return exitCode.interrupted;
  return having('no-response') + silent > 0 ? exitCode.someSilent : exitCode.ok;
}

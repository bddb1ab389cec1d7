import { type CheckState, checkStateOf, checkStates } from '../../../core/check-state.ts';
import type { Outcome } from '../../../core/request/reply.ts';

/** The worst first: an unknown state is less bad than a known bad one. */
const worstFirst: readonly CheckState[] = ['CRITICAL', 'WARNING', 'UNKNOWN', 'OK'];

/** The result of a check on one node; UNKNOWN, with the reason as its output, if the node did not make it. */
export interface CheckFinding {
  readonly node: string;
  readonly outcome: Outcome['outcome'];
  readonly state: CheckState;
  readonly output: string;
  readonly perfdata: string;
}

/** A reply comes from the network: anything that is not a state of a check is UNKNOWN. */
export function findingOf({ node, outcome, message, data }: Outcome): CheckFinding {
  if (outcome !== 'ok') return { node, outcome, state: 'UNKNOWN', output: message, perfdata: '' };
  const state = checkStateOf(data.exitcode);
  return { node, outcome, state, output: String(data.output ?? ''), perfdata: String(data.perfdata ?? '') };
}

/** The worst first, then by name. */
export function sortFindings(findings: readonly CheckFinding[]): CheckFinding[] {
  const rank = ({ state }: CheckFinding) => worstFirst.indexOf(state);
  return [...findings].sort((a, b) => rank(a) - rank(b) || (a.node < b.node ? -1 : 1));
}

/** The number of nodes in each state. */
export function countStates(findings: readonly CheckFinding[]): Partial<Record<CheckState, number>> {
  const counts = checkStates.map((state) => [state, findings.filter((one) => one.state === state).length] as const);
  return Object.fromEntries(counts.filter(([, number]) => number > 0));
}

/** The exit code of the worst state, as of plugins; 3 (UNKNOWN) when nothing was found. */
export function exitCodeOf(found: readonly CheckState[]): number {
  const worst = worstFirst.find((state) => found.includes(state)) ?? 'UNKNOWN';
  return checkStates.indexOf(worst);
}

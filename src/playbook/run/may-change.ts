import type { Playbook, Step } from '../model.ts';

/**
 * Whether its steps may change any node, so that it takes its lease before it reads anything: the basis of its
 * decisions must stay true until it acts. A playbook that is used as a step and finds nodes itself takes its own lease.
 */
export function mayChange({ steps }: Pick<Playbook, 'steps'>): boolean {
  return steps.some(stepMayChange);
}

function stepMayChange({ body: { changes, within = [], used } }: Step): boolean {
  return changes === true || within.some(stepMayChange) || (used?.nodes.length === 0 && mayChange(used));
}

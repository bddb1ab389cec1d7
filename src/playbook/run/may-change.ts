import type { Playbook, Step } from '../model.ts';

/**
 * Whether its steps may change any node, so that it takes its lease before it looks at anything: what it decides on
 * is to hold until it acts. A playbook that is used as a step and finds nodes of its own takes a lease of its own.
 */
export function mayChange({ steps }: Pick<Playbook, 'steps'>): boolean {
  return steps.some(stepMayChange);
}

function stepMayChange({ body: { changes, within = [], used } }: Step): boolean {
  return changes === true || within.some(stepMayChange) || (used?.nodes.length === 0 && mayChange(used));
}

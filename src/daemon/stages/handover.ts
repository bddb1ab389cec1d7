import type { CallMemory } from '../calls/call-memory.ts';
import type { Stage } from '../call.ts';

/**
 * A run that another operator took over repeats the same try of the same call: it gets the outcome of then, and nothing is
 * done twice. *lease* and *authorize* have checked that the caller holds the run's lease and may call the action.
 */
export function handover(memory: Pick<CallMemory, 'ofRun'>): Stage {
  return (next) => async (call) => await (memory.ofRun(call) ?? next(call));
}

import type { CallMemory } from '../calls/call-memory.ts';
import type { Stage } from '../call.ts';

/**
 * A run that another operator took over asks for the same try of the same call again: what it did then is replied, and it is
 * not done twice. Whoever asks holds the run's lease and may call the action, as *lease* and *authorize* have seen.
 */
export function handover(memory: Pick<CallMemory, 'ofRun'>): Stage {
  return (next) => async (call) => await (memory.ofRun(call) ?? next(call));
}

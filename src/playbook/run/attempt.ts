import { explain, Problem } from '../../core/errors.ts';
import type { NodeFailure } from '../events/events.ts';

/** Why it failed, or undefined. */
export async function attempt(work: () => Promise<void>): Promise<NodeFailure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return { node: '', code: error instanceof Problem ? error.code : 'internal-error', reason: explain(error) };
  }
}

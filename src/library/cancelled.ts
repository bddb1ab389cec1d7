import { Problem } from '../core/errors.ts';

/** Work that a signal ends fails with a Problem, as everything else does. @throws Problem `cancelled`, or what the work throws */
export async function orCancelled<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw cancelledBy(signal, error);
  }
}

/** What to throw for an error of work that a signal may have ended. */
export function cancelledBy(signal: AbortSignal, error: unknown): unknown {
  if (!signal.aborted || error instanceof Problem) return error;
  return new Problem('cancelled', 'this was cancelled before any node was called', '', { cause: error });
}

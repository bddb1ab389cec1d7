import { Problem } from '../core/errors.ts';

/**
 * Makes work that a signal ends fail with a Problem, like everything else. @throws Problem `cancelled`, or the error of
 * the work
 */
export async function orCancelled<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw cancelledBy(signal, error);
  }
}

/** The error to throw for work that a signal may have ended. */
export function cancelledBy(signal: AbortSignal, error: unknown): unknown {
  if (!signal.aborted || error instanceof Problem) return error;
  return new Problem('cancelled', 'this was cancelled before any node was called', '', { cause: error });
}

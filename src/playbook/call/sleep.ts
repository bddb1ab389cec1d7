import type { RunContext } from '../context.ts';

/** Waits, or less when the run is interrupted: the caller checks the signal. */
export async function sleep(
  { ports, signal }: Pick<RunContext, 'ports' | 'signal'>,
  milliseconds: number,
): Promise<void> {
  if (signal.aborted) return;
  try {
    await ports.sleep(milliseconds, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

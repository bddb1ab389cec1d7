import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../core/ports.ts';

/** Milliseconds for a part of the daemon to stop. */
export const partPatience = 1000;

/**
 * Stops a part of the daemon. One that fails or hangs is logged, and does not keep the others from stopping.
 * @param what for a person: the part
 * @param limit milliseconds
 */
export async function stopPart(
  what: string,
  stop: () => Promise<unknown> | undefined,
  log: Log,
  limit = partPatience,
): Promise<void> {
  const timer = new AbortController();
  const late = sleep(limit, 'late' as const, { signal: timer.signal }).catch(() => {});
  try {
    if ((await Promise.race([stop(), late])) === 'late') log.error({}, `${what}: not stopped after ${limit / 1000} s`);
  } catch (error) {
    log.error({ err: error }, `${what}: not stopped properly`);
  } finally {
    timer.abort();
  }
}

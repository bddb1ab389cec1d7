import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { Leases } from './leases.ts';

/** Takes leases off the disk as they expire. */
export interface Expiry {
  /** Waits for the lease that ends next; to be called after a lease was taken. */
  readonly plan: () => void;
  readonly stop: () => Promise<void>;
}

/**
 * A lease that has expired must not come back: a restart gives every lease on the disk its whole time again.
 * @param inTurn runs one change of the leases at a time
 */
export function watchExpiry(leases: Leases, inTurn: <T>(work: () => Promise<T>) => Promise<T>, log: Log): Expiry {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  const plan = () => {
    clearTimeout(timer);
    const ends = leases.nextEnd();
    if (ends === undefined || isStopped) return;
    // A timer may fire a moment early; then it is planned again.
    timer = setTimeout(forget, Math.max(1, ends - leases.clock()));
    timer.unref();
  };
  const forget = () => {
    running = inTurn(leases.forgetExpired)
      // It has ended here; the next change of a lease writes the file again.
      .catch((problem: unknown) => log.warn({ problem: explain(problem) }, 'an expired lease is still on the disk'))
      .finally(plan);
  };
  plan();
  return {
    plan,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/**
 * Milliseconds within which a record is on the disk if its caller does not wait for it: half for the timer, the rest
 * for the disk.
 */
const delay = 50;

/** Syncs records that nobody waits for: once for all records of a moment. */
export interface DelayedSync {
  /** Something was written that is not synced yet. */
  readonly schedule: () => void;
  /** Ends the timer. The caller syncs what is left. */
  readonly stop: () => void;
}

/** @param sync must not throw */
export function startDelayedSync(sync: () => Promise<void>): DelayedSync {
  let timer: NodeJS.Timeout | undefined;
  return {
    schedule: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void sync();
      }, delay);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

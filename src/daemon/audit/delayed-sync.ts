/** Milliseconds within which a record that its caller does not wait for is on the disk: half for the timer, the rest for the disk. */
const delay = 50;

/** Syncs what was written without waiting for it: once for all records of a moment. */
export interface DelayedSync {
  /** Something was written that is not synced yet. */
  readonly schedule: () => void;
  /** Ends the timer. What is left to sync is up to the caller. */
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

/** Wakes one waiter; the next one hears a ring that nobody waited for. */
export interface AutoResetEvent {
  readonly set: () => void;
  /** Resolves at the next ring, or when the signal aborts. */
  readonly wait: () => Promise<void>;
}

/** @param signal rings it permanently */
export function defineAutoResetEvent(signal: AbortSignal): AutoResetEvent {
  let rung = false;
  let wake = () => {};
  const ring = () => {
    rung = true;
    wake();
  };
  // Once for all waits: a listener for each would stay until the end.
  signal.addEventListener('abort', ring, { once: true });
  return {
    set: ring,
    wait: async () => {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      rung = false;
    },
  };
}
